import { randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import { Pool } from 'undici'
import { WebSocket } from 'ws'
import { z } from 'zod'

/**
 * The least that a gateway can do, for comparison: one Fastify route that posts the prompt, waits on one shared socket,
 * holds as many prompts on ComfyUI as the gateway does, and pipes the picture. No store, no checks, no retries, and
 * every frame but the two that matter is thrown away unread.
 *
 *     node test/bench/bare-route.ts <address of ComfyUI> <prompts at once>
 */
const [comfyuiUrl = '', atOnce = '2'] = process.argv.slice(2)
const clientId = randomUUID()
const pool = new Pool(comfyuiUrl, { connections: 32, pipelining: 1 })
const waiting = new Map<string, (file: { filename: string; subfolder: string }) => void>()
const executedPrefix = '{"type": "executed"'
const executedSchema = z.looseObject({
  data: z.looseObject({
    prompt_id: z.string(),
    output: z.looseObject({
      images: z.tuple([z.looseObject({ filename: z.string(), subfolder: z.string() })]).rest(z.unknown()),
    }),
  }),
})

const socket = new WebSocket(`${comfyuiUrl.replace('http', 'ws')}/ws?clientId=${clientId}`, {
  perMessageDeflate: false,
})
socket.on('message', (data, isBinary) => {
  if (isBinary || !Buffer.isBuffer(data)) return
  if (data.toString('latin1', 0, executedPrefix.length) !== executedPrefix) return
  const { prompt_id, output } = executedSchema.parse(JSON.parse(data.toString())).data
  waiting.get(prompt_id)?.(output.images[0])
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

const bodySchema = z.strictObject({ nonce: z.int(), ticks: z.int().default(0) })
const app = Fastify({ bodyLimit: 32 * 1024 * 1024 })
app.get('/health', () => ({ status: 'healthy' }))
app.post('/bench/picture', async (request, reply) => {
  const { nonce, ticks } = bodySchema.parse(request.body)
  const promptId = randomUUID()
  const prompt = {
    '1': { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: nonce % 0xffffff } },
    ...(ticks > 0 && {
      '2': { class_type: 'TestSleep', inputs: { image: ['1', 0], seconds: 0, ticks, nonce } },
    }),
    '9': {
      class_type: 'SaveImage',
      inputs: { images: [ticks > 0 ? '2' : '1', 0], filename_prefix: `bare/${promptId}` },
    },
  }
  await takePlace()
  const done = new Promise<{ filename: string; subfolder: string }>((resolve) => waiting.set(promptId, resolve))
  const submitted = await pool.request({
    method: 'POST',
    path: '/api/prompt',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt, prompt_id: promptId, client_id: clientId }),
  })
  await submitted.body.dump()
  if (submitted.statusCode !== 200) throw new Error(`ComfyUI answered ${String(submitted.statusCode)}`)
  const file = await done
  waiting.delete(promptId)
  givePlace()
  const query = new URLSearchParams({ filename: file.filename, subfolder: file.subfolder, type: 'output' })
  const view = await pool.request({ method: 'GET', path: `/api/view?${query.toString()}` })
  return reply.type('image/png').send(view.body)
})
await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()
process.stdout.write(`listening ${typeof address === 'object' && address ? String(address.port) : ''}\n`)
