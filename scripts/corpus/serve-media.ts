import { createReadStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import pino from 'pino'
import { WebSocketServer, type WebSocket } from 'ws'
import { z } from 'zod'
import { compose } from '../../src/compose.ts'
import { loadConfig } from '../../src/config/load-config.ts'

/** A file as callers get it from the gateway. */
export interface ServedMedia {
  readonly contentType: string
  readonly bytes: Buffer
}

/** A gateway in front of a ComfyUI whose only node gives files of a folder. */
export interface MediaGateway {
  ask(file: string, metadata: 'keep' | 'strip'): Promise<ServedMedia>
  close(): Promise<void>
}

const timeoutMs = 60_000
const definition = {
  input: { required: { name: ['STRING', {}] } },
  input_order: { required: ['name'] },
  output: [],
  output_is_list: [],
  output_name: [],
  name: 'GiveFile',
  display_name: 'GiveFile',
  description: '',
  python_module: 'custom_nodes.corpus',
  category: 'corpus',
  output_node: true,
}
/** By path, without `/api`. */
const answers: Readonly<Record<string, unknown>> = {
  '/system_stats': { system: { comfyui_version: '0.3.64' }, devices: [] },
  '/object_info': { GiveFile: definition },
  '/object_info/GiveFile': { GiveFile: definition },
  '/models': [],
  '/queue': { queue_running: [], queue_pending: [] },
}

export async function startMediaGateway(folder: string): Promise<MediaGateway> {
  const comfyui = await startComfyui(folder)
  const place = await mkdtemp(join(tmpdir(), 'corpus-'))
  const { config } = loadConfig(
    {
      PORT: '0',
      COMFYUI_URL: comfyui.url,
      COMFYUI_API_DATA_DIR: place,
      COMFYUI_API_JOB_STORE: 'memory',
      COMFYUI_API_SHIPPED_WORKFLOWS: 'false',
      COMFYUI_API_DRAIN_SECONDS: '0',
    },
    {},
  )
  const gateway = await compose(config, { logger: pino({ level: 'silent' }) })
  const { url } = await gateway.listen()
  return {
    async ask(file, metadata) {
      const response = await fetch(`${url}/prompt`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'image/*, video/*, audio/*, model/*, application/octet-stream',
          'job-output-metadata': metadata,
        },
        body: JSON.stringify({ prompt: { '1': { class_type: 'GiveFile', inputs: { name: basename(file) } } } }),
        signal: AbortSignal.timeout(timeoutMs),
      })
      const bytes = Buffer.from(await response.arrayBuffer())
      if (response.status !== 200) throw new Error(`${String(response.status)} ${bytes.toString('utf8', 0, 1000)}`)
      return { bytes, contentType: response.headers.get('content-type') ?? '' }
    },
    async close() {
      await gateway.close()
      await comfyui.close()
      await rm(place, { recursive: true, force: true })
    },
  }
}

const submitSchema = z.looseObject({
  prompt_id: z.string(),
  client_id: z.string(),
  prompt: z.object({ '1': z.looseObject({ inputs: z.looseObject({ name: z.string() }) }) }),
})

async function startComfyui(folder: string): Promise<{ url: string; close(): Promise<void> }> {
  const sockets = new Map<string, WebSocket>()
  const upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  const tell = (clientId: string, type: string, data: object) =>
    sockets.get(clientId)?.send(JSON.stringify({ type, data }))

  async function submit(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { prompt_id, client_id, prompt } = submitSchema.parse(JSON.parse(await text(request)))
    answer(response, { prompt_id, number: 1, node_errors: {} })
    const output = { files: [{ filename: prompt['1'].inputs.name, subfolder: '', type: 'output' }] }
    tell(client_id, 'execution_start', { prompt_id })
    tell(client_id, 'executed', { node: '1', display_node: '1', output, prompt_id })
    tell(client_id, 'execution_success', { prompt_id })
    tell(client_id, 'executing', { node: null, prompt_id })
  }

  async function view(filename: string, response: ServerResponse): Promise<void> {
    const file = join(folder, basename(filename))
    response.writeHead(200, { 'content-length': (await stat(file)).size })
    createReadStream(file).pipe(response)
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://comfyui')
    const path = url.pathname.replace(/^\/api/, '')
    if (request.method === 'POST' && path === '/prompt') return submit(request, response)
    if (path === '/view') return view(url.searchParams.get('filename') ?? '', response)
    request.resume()
    answer(response, answers[path] ?? {}, path in answers ? 200 : 404)
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  server.on('upgrade', (request, socket, head) => {
    const clientId = new URL(request.url ?? '', 'http://comfyui').searchParams.get('clientId') ?? ''
    upgrades.handleUpgrade(request, socket, head, (opened) => {
      sockets.set(clientId, opened)
      tell(clientId, 'status', { status: { exec_info: { queue_remaining: 0 } }, sid: clientId })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? String(address.port) : ''}`,
    async close() {
      for (const socket of sockets.values()) socket.terminate()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function answer(response: ServerResponse, json: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
}
