import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { Pool } from 'undici'
import { afterEach, expect, test } from 'vitest'
import { AnswerBody, type BodyStream } from './body-stream.ts'
import { exchange, type HttpRequest } from './http-exchange.ts'

const open: { server: Server; pool: Pool }[] = []

afterEach(async () => {
  for (const { server, pool } of open.splice(0)) {
    await pool.destroy()
    server.closeAllConnections()
    server.close()
  }
})

async function serve(listener: RequestListener): Promise<Pool> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const pool = new Pool(`http://127.0.0.1:${String(port)}`)
  open.push({ server, pool })
  return pool
}

const get: HttpRequest = { method: 'GET', path: '/', timeoutMs: 5000, bufferUpToBytes: 1000 }

async function read(body: Buffer | BodyStream): Promise<Buffer> {
  return Buffer.isBuffer(body) ? body : buffer(body)
}

test('gives a short body as one buffer, with status and headers', async () => {
  const pool = await serve((_, response) => response.writeHead(404, { 'x-a': 'b' }).end('no such thing'))
  const { status, headers, body } = await exchange(pool, get)
  expect([status, headers['x-a'], String(await read(body))]).toEqual([404, 'b', 'no such thing'])
})

test.each([
  ['announced', true],
  ['found on the way', false],
])('gives a long body as a stream, its length %s', async (_, isAnnounced) => {
  const bytes = Buffer.alloc(3_000_000, 'x')
  const pool = await serve((_request, response) => {
    response.writeHead(200, isAnnounced ? { 'content-length': bytes.length } : {}).end(bytes)
  })
  const { body } = await exchange(pool, get)
  expect(body).toBeInstanceOf(AnswerBody)
  expect((await read(body)).equals(bytes)).toBe(true)
})

test('takes no more from the network than the reader of a stream does', async () => {
  let sent = 0
  const chunk = Buffer.alloc(64 * 1024)
  const pool = await serve((_, response) => {
    const send = () => {
      while (sent < 64 * 1024 * 1024) {
        sent += chunk.length
        if (!response.write(chunk)) {
          response.once('drain', send)
          return
        }
      }
      response.end()
    }
    send()
  })
  const { body } = await exchange(pool, get)
  let settled = -1
  while (settled !== sent) {
    settled = sent
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  expect(sent).toBeLessThan(32 * 1024 * 1024)
  if (!Buffer.isBuffer(body)) body.destroy()
})

test('breaks the stream when the sender does, instead of ending it', async () => {
  const answered = Promise.withResolvers<ServerResponse>()
  const pool = await serve((_, response) => {
    response.writeHead(200, { 'content-length': 1_000_000 })
    response.write(Buffer.alloc(5000))
    answered.resolve(response)
  })
  const { body } = await exchange(pool, get)
  const response = await answered.promise
  response.destroy()
  await expect(read(body)).rejects.toMatchObject({ reason: 'interrupted' })
})

test('tells a refused connection, where nothing was sent, from one that broke', async () => {
  const pool = new Pool('http://127.0.0.1:1')
  await expect(exchange(pool, get)).rejects.toMatchObject({ reason: 'unreachable' })
  await pool.destroy()
  const breaking = await serve((request) => request.socket.destroy())
  await expect(exchange(breaking, get)).rejects.toMatchObject({ reason: 'interrupted' })
})

test('gives up on a server that keeps silent', async () => {
  const pool = await serve(() => {})
  await expect(exchange(pool, { ...get, timeoutMs: 200 })).rejects.toMatchObject({ reason: 'interrupted' })
})

test('a signal cuts the call', async () => {
  const pool = await serve(() => {})
  const controller = new AbortController()
  const call = exchange(pool, { ...get, signal: controller.signal })
  controller.abort()
  await expect(call).rejects.toMatchObject({ name: 'ComfyuiError' })
})

test.each([
  ['of its own is free', true],
  ['that others may lie in stays', false],
])('memory %s when its piece is given back, and no other byte is lost', async (_what, isAnnounced) => {
  const bytes = randomBytes(5_000_000)
  const send = async (response: ServerResponse): Promise<void> => {
    response.writeHead(200, isAnnounced ? { 'content-length': bytes.length } : {})
    // Many frames in one read.
    for (let at = 0; at < bytes.length; at += 20_000) {
      if (!response.write(bytes.subarray(at, at + 20_000))) await once(response, 'drain')
    }
    response.end()
  }
  const pool = await serve((_request, response) => void send(response))
  const { body } = await exchange(pool, get)
  if (Buffer.isBuffer(body)) throw new Error('it is too long for that')
  const copies: Buffer[] = []
  const released: Buffer[] = []
  for await (const chunk of body) {
    copies.push(Buffer.from(chunk))
    body.release?.(chunk)
    released.push(chunk)
  }
  expect(Buffer.concat(copies).equals(bytes)).toBe(true)
  const freed = released.filter(({ length }) => length === 0)
  if (isAnnounced) expect(freed.length).toBeGreaterThan(released.length / 2)
  else expect(freed).toEqual([])
})
