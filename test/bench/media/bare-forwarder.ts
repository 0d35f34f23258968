import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import Fastify, { type FastifyReply } from 'fastify'
import { type Dispatcher, Pool } from 'undici'
import { WebSocket } from 'ws'
import { z } from 'zod'

/**
 * The least that a gateway can do with media, for comparison: one Fastify route that posts the prompt, waits on one
 * shared socket, and hands each chunk of the file on as it comes, as it is or as base64, with back-pressure. Nothing is
 * kept, checked or tried again.
 *
 *     node test/bench/media/bare-forwarder.ts <address of ComfyUI> <prompts at once>
 */
const [comfyuiUrl = '', atOnce = '2'] = process.argv.slice(2)
const clientId = randomUUID()
const pool = new Pool(comfyuiUrl, { connections: 32, pipelining: 1 })
const waiting = new Map<string, (filename: string) => void>()
const executedPrefix = '{"type": "executed"'
const executedSchema = z.looseObject({
  data: z.looseObject({
    prompt_id: z.string(),
    output: z.looseObject({ images: z.tuple([z.looseObject({ filename: z.string() })]) }),
  }),
})

const socket = new WebSocket(`${comfyuiUrl.replace('http', 'ws')}/ws?clientId=${clientId}`, {
  perMessageDeflate: false,
})
socket.on('message', (data, isBinary) => {
  if (isBinary || !Buffer.isBuffer(data)) return
  if (data.toString('latin1', 0, executedPrefix.length) !== executedPrefix) return
  const { prompt_id, output } = executedSchema.parse(JSON.parse(data.toString())).data
  waiting.get(prompt_id)?.(output.images[0].filename)
})

let free = Number(atOnce)
const queue: (() => void)[] = []

async function takePlace(): Promise<void> {
  if (free > 0) free--
  else await new Promise<void>((resolve) => queue.push(resolve))
}

function givePlace(): void {
  const next = queue.shift()
  if (next) next()
  else free++
}

/** Hands an answer of ComfyUI on. Its reader pauses it, and ends it when it goes away. */
class Forward implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  readonly #isBase64: boolean
  #rest: Buffer = Buffer.alloc(0)

  constructor(response: ServerResponse, isBase64: boolean) {
    this.#response = response
    this.#isBase64 = isBase64
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#response.on('drain', () => {
      if (controller.paused) controller.resume()
    })
    this.#response.on('close', () => {
      if (!this.#response.writableFinished) controller.abort(new Error('The caller is gone'))
    })
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    _status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    const length = Number(headers['content-length'])
    if (!this.#isBase64) {
      this.#response.writeHead(200, { 'content-type': 'image/png', 'content-length': length })
      return
    }
    const head = '{"images":["'
    const sizeBytes = head.length + Math.ceil(length / 3) * 4 + 3
    this.#response.writeHead(200, { 'content-type': 'application/json', 'content-length': sizeBytes })
    this.#response.write(head)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!(this.#isBase64 ? this.#writeBase64(chunk) : this.#response.write(chunk))) controller.pause()
  }

  onResponseEnd(): void {
    this.#response.end(this.#isBase64 ? `${this.#rest.toString('base64')}"]}` : undefined)
  }

  onResponseError(): void {
    this.#response.destroy()
  }

  #writeBase64(chunk: Buffer): boolean {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const whole = bytes.length - (bytes.length % 3)
    this.#rest = bytes.subarray(whole)
    return whole === 0 || this.#response.write(bytes.toString('base64', 0, whole), 'latin1')
  }
}

const bodySchema = z.strictObject({ nonce: z.int(), bytes: z.int(), extension: z.string() })
const uploadedSchema = z.looseObject({ name: z.string() })
const app = Fastify({ bodyLimit: 32 * 1024 * 1024 })
app.addContentTypeParser('multipart/form-data', (_request, payload, done) => done(null, payload))

app.post('/bench/media', async (request, reply) => {
  const filename = await run({ '9': { class_type: 'BenchMedia', inputs: bodySchema.parse(request.body) } })
  forward(filename, reply, request.headers.accept === 'application/json')
})

/** Hands the form on unread. What the job is to make stands in headers. */
app.post('/bench/upload', async (request, reply) => {
  const uploaded = await pool.request({
    method: 'POST',
    path: '/api/upload/image',
    headers: { 'content-type': request.headers['content-type'], 'content-length': request.headers['content-length'] },
    body: request.raw,
  })
  const { name } = uploadedSchema.parse(await uploaded.body.json())
  const inputs = {
    nonce: Number(request.headers['bench-nonce']),
    bytes: Number(request.headers['bench-bytes']),
    extension: 'png',
    image: ['1', 0],
  }
  const filename = await run({
    '1': { class_type: 'LoadImage', inputs: { image: name } },
    '9': { class_type: 'BenchMedia', inputs },
  })
  forward(filename, reply, false)
})

/** Resolves to the name of the file that the prompt made. */
async function run(prompt: unknown): Promise<string> {
  const promptId = randomUUID()
  await takePlace()
  const done = new Promise<string>((resolve) => waiting.set(promptId, resolve))
  const submitted = await pool.request({
    method: 'POST',
    path: '/api/prompt',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt, prompt_id: promptId, client_id: clientId }),
  })
  await submitted.body.dump()
  if (submitted.statusCode !== 200) throw new Error(`ComfyUI answered ${String(submitted.statusCode)}`)
  const filename = await done
  waiting.delete(promptId)
  givePlace()
  return filename
}

function forward(filename: string, reply: FastifyReply, isBase64: boolean): void {
  reply.hijack()
  const query = new URLSearchParams({ filename, subfolder: '', type: 'output' })
  pool.dispatch({ method: 'GET', path: `/api/view?${query.toString()}` }, new Forward(reply.raw, isBase64))
}

await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()
process.stdout.write(`listening ${typeof address === 'object' && address ? String(address.port) : ''}\n`)
process.on('SIGTERM', () => process.exit())
