import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import type { ComfyuiEvent } from './comfyui-event.ts'
import { type ComfyuiSocket, type ComfyuiSocketOptions, openComfyuiSocket, retryPauseMs } from './comfyui-socket.ts'

const closers: (() => void)[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const close of closers.splice(0).toReversed()) close()
})

async function listen(options: ServerOptions = {}) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true, ...options })
  closers.push(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  await once(server, 'listening')
  const connections = on<[WebSocket, IncomingMessage]>((add) => server.on('connection', (...args) => add(args)))
  return { url: `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}/ws`, connections }
}

/** What comes, to be taken one by one. */
function on<T>(register: (add: (value: T) => void) => void): () => Promise<T> {
  const waiting: ((value: T) => void)[] = []
  const values: T[] = []
  register((value) => {
    const next = waiting.shift()
    if (next) next(value)
    else values.push(value)
  })
  return () => {
    const value = values.shift()
    return value === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(value)
  }
}

function open(url: string, options: Partial<ComfyuiSocketOptions> = {}) {
  const events: ComfyuiEvent[] = []
  let socket: ComfyuiSocket | undefined
  const downs = on<string>((add) => {
    socket = openComfyuiSocket({
      url,
      headers: { authorization: 'Bearer secret' },
      clientId: 'client 1',
      random: () => 0,
      onEvent: (event) => void events.push(event),
      onOpen: () => {},
      onDown: add,
      ...options,
    })
    closers.push(socket.close)
  })
  if (!socket) throw new Error('not opened')
  return { socket, events, downs }
}

test('offers no compression, names the client, and asks for previews that say whose they are', async () => {
  const { url, connections } = await listen()
  open(url)
  const [connection, request] = await connections()
  expect(request.url).toBe('/ws?clientId=client%201')
  expect(request.headers).toMatchObject({ authorization: 'Bearer secret' })
  expect(request.headers).not.toHaveProperty('sec-websocket-extensions')
  expect(request.headers).not.toHaveProperty('origin')
  const [hello] = await once(connection, 'message')
  expect(JSON.parse(String(hello))).toEqual({ type: 'feature_flags', data: { supports_preview_metadata: true } })
})

test('tells what it hears, and leaves out what it cannot read', async () => {
  const { url, connections } = await listen()
  const heard = Promise.withResolvers<undefined>()
  const { events } = open(url, {
    onEvent: (event) => {
      events.push(event)
      if (event.type === 'execution_success') heard.resolve(undefined)
    },
  })
  const [connection] = await connections()
  for (const text of ['nonsense', '{"type": "crystools.monitor", "data": {}}']) connection.send(text)
  connection.send(Buffer.from([0, 0, 0, 9, 1, 2, 3, 4]))
  connection.send('{"type": "executing", "data": {"node": null, "prompt_id": "p"}}')
  connection.send('{"type": "execution_success", "data": {"prompt_id": "p", "timestamp": 1}}')
  await heard.promise
  expect(events.map(({ type }) => type)).toEqual(['executing', 'execution_success'])
})

test('connects again after the connection broke, and says why it broke', async () => {
  const { url, connections } = await listen()
  const { socket, downs } = open(url)
  const [first] = await connections()
  first.close(1001)
  expect(await downs()).toBe('closed with code 1001')
  expect(socket.isOpen).toBe(false)
  await connections()
  await expect.poll(() => socket.isOpen).toBe(true)
  socket.drop('it is not ComfyUI')
  expect(await downs()).toBe('it is not ComfyUI')
  await connections()
})

test('a server that does not answer pings is left', async () => {
  const { url, connections } = await listen({ autoPong: false })
  const { downs } = open(url, { pingIntervalMs: 10 })
  expect(await downs()).toBe('it did not answer a ping')
  await connections()
})

test('tells why a server does not let it in', async () => {
  const server = createServer((_request, response) => void response.writeHead(401).end())
  server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'))
  server.listen(0, '127.0.0.1')
  closers.push(() => server.close())
  await once(server, 'listening')
  const { downs } = open(`ws://127.0.0.1:${String((server.address() as AddressInfo).port)}/ws`)
  expect(await downs()).toContain('401')
})

test.each(['while it is open', 'while it waits to connect again'])(
  'nothing is left when it is closed %s',
  async (when) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] })
    const { url, connections } = await listen()
    const onDown = vi.fn()
    const opened = Promise.withResolvers<undefined>()
    const { socket } = open(url, { onDown, onOpen: () => opened.resolve(undefined) })
    const [connection] = await connections()
    await opened.promise
    expect(vi.getTimerCount()).toBe(1)
    if (when !== 'while it is open') {
      connection.terminate()
      while (onDown.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
      expect(vi.getTimerCount()).toBe(1)
      onDown.mockClear()
    }
    socket.close()
    if (when === 'while it is open') await once(connection, 'close')
    expect([vi.getTimerCount(), onDown.mock.calls, socket.isOpen]).toEqual([0, [], false])
  },
)

test('pauses double up to ten seconds, half of each left to chance', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 99].map((failures) => retryPauseMs(failures, () => 1))).toEqual([
    250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000,
  ])
  fc.assert(
    fc.property(fc.nat(2000), fc.double({ min: 0, max: 1, noNaN: true }), (failures, chance) => {
      const pauseMs = retryPauseMs(failures, () => chance)
      expect(pauseMs).toBeGreaterThanOrEqual(125)
      expect(pauseMs).toBeLessThanOrEqual(10_000)
    }),
  )
})
