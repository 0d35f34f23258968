import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { WebSocketServer, type WebSocket } from 'ws'
import { z } from 'zod'
import { pythonJson } from '../../../src/comfyui/wire/python-json.ts'
import { type MediaFile, pieceOf } from './media-bytes.ts'

/**
 * A ComfyUI that costs next to nothing: its only node makes a file of a wanted size in no time, and `/view` sends it
 * with its length, from memory that all files share.
 *
 *     node test/bench/media/stand-in.ts
 */
const sockets = new Map<string, WebSocket>()
const upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false })

const submitSchema = z.looseObject({
  prompt_id: z.string(),
  client_id: z.string(),
  prompt: z.record(z.string(), z.looseObject({ class_type: z.string(), inputs: z.record(z.string(), z.unknown()) })),
})

const fileSchema = z.looseObject({ nonce: z.int(), bytes: z.int(), extension: z.string() })

const objectInfo = {
  LoadImage: {
    input: { required: { image: [[], { image_upload: true }] } },
    input_order: { required: ['image'] },
    output: ['IMAGE', 'MASK'],
    output_is_list: [false, false],
    output_name: ['IMAGE', 'MASK'],
    name: 'LoadImage',
    display_name: 'Load Image',
    description: '',
    python_module: 'nodes',
    category: 'image',
    output_node: false,
  },
  BenchMedia: {
    input: {
      required: {
        nonce: ['INT', { default: 0, min: 0, max: 2 ** 53 }],
        bytes: ['INT', { default: 0, min: 0, max: 2 ** 40 }],
        extension: [['png', 'mp4']],
      },
      optional: { image: ['IMAGE'] },
    },
    input_order: { required: ['nonce', 'bytes', 'extension'], optional: ['image'] },
    output: [],
    output_is_list: [],
    output_name: [],
    name: 'BenchMedia',
    display_name: 'BenchMedia',
    description: '',
    python_module: 'custom_nodes.bench',
    category: 'bench',
    output_node: true,
  },
}

/** Answers by method and path, without `/api`. */
const answers: Readonly<Record<string, unknown>> = {
  'GET /system_stats': {
    system: { comfyui_version: '0.3.64' },
    devices: [{ name: 'cuda:0', type: 'cuda', vram_total: 25e9, vram_free: 25e9 }],
  },
  'GET /object_info': objectInfo,
  'GET /object_info/BenchMedia': { BenchMedia: objectInfo.BenchMedia },
  'GET /object_info/LoadImage': { LoadImage: objectInfo.LoadImage },
  'GET /models': [],
  'GET /queue': { queue_running: [], queue_pending: [] },
}

function tell(clientId: string, type: string, data: unknown): void {
  sockets.get(clientId)?.send(Buffer.from(pythonJson({ type, data })), { binary: false })
}

async function submit(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, prompt_id, client_id } = submitSchema.parse(JSON.parse(await text(request)))
  sendJson(response, { prompt_id, number: 1, node_errors: {} })
  tell(client_id, 'execution_start', { prompt_id })
  for (const [node, { class_type, inputs }] of Object.entries(prompt)) {
    if (class_type !== 'BenchMedia') continue
    const { nonce, bytes, extension } = fileSchema.parse(inputs)
    const filename = `${String(nonce)}_${String(bytes)}_.${extension}`
    const output = { images: [{ filename, subfolder: '', type: 'output' }] }
    tell(client_id, 'executing', { node, display_node: node, prompt_id })
    tell(client_id, 'executed', { node, display_node: node, output, prompt_id })
  }
  tell(client_id, 'execution_success', { prompt_id })
  tell(client_id, 'executing', { node: null, prompt_id })
}

function sendJson(response: ServerResponse, json: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(pythonJson(json))
}

function view(filename: string, response: ServerResponse): void {
  const [nonce = 0, bytes = 0] = filename.split('_').map(Number)
  const file: MediaFile = { nonce, bytes, extension: filename.endsWith('.mp4') ? 'mp4' : 'png' }
  let sent = 0
  const send = () => {
    while (sent < bytes) {
      const piece = pieceOf(file, sent)
      sent += piece.length
      if (!response.write(piece)) return void response.once('drain', send)
    }
    response.end()
  }
  response.writeHead(200, {
    'content-type': file.extension === 'mp4' ? 'video/mp4' : 'image/png',
    'content-length': bytes,
    'content-disposition': `filename="${filename}"`,
  })
  send()
}

/** Takes a file of a caller and forgets it. */
async function upload(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let start = ''
  for await (const chunk of request) {
    if (start.length < 4096 && Buffer.isBuffer(chunk)) start += chunk.toString('latin1')
  }
  const [, name = ''] = /name="image"; filename="([^"]+)"/.exec(start) ?? []
  const [, subfolder = ''] = /name="subfolder"\r\n\r\n([^\r]*)/.exec(start) ?? []
  sendJson(response, { name, subfolder, type: 'input' })
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '', 'http://stand-in')
  const name = `${request.method ?? ''} ${url.pathname.replace(/^\/api/, '')}`
  if (name === 'POST /prompt') return submit(request, response)
  if (name === 'GET /view') return view(url.searchParams.get('filename') ?? '', response)
  if (name === 'POST /upload/image') return upload(request, response)
  request.resume()
  sendJson(response, answers[name] ?? {}, name in answers ? 200 : 404)
}

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
})
server.on('upgrade', (request, socket, head) => {
  const clientId = new URL(request.url ?? '', 'http://stand-in').searchParams.get('clientId') ?? ''
  upgrades.handleUpgrade(request, socket, head, (opened) => {
    sockets.set(clientId, opened)
    opened.on('error', () => undefined)
    opened.on('close', () => sockets.delete(clientId))
    tell(clientId, 'status', { status: { exec_info: { queue_remaining: 0 } }, sid: clientId })
  })
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`http://127.0.0.1:${String(port)}\n`)
})
process.on('SIGTERM', () => process.exit())
