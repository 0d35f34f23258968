import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

/** A server on this machine that media are fetched from, or that nobody may reach. */
export interface MediaServer extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Connections since the start. */
  readonly connections: () => number
  /** Resolves when none of them is open any more. */
  whenLeft(): Promise<void>
}

export interface MediaServerOptions {
  readonly host?: string
  readonly port?: number
  readonly tls?: { readonly key: string; readonly cert: string }
}

export async function startMediaServer(
  answer: RequestListener,
  options: MediaServerOptions = {},
): Promise<MediaServer> {
  const { host = '127.0.0.1', port: wanted = 0, tls } = options
  const server: Server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer)
  const sockets = new Set<Socket>()
  const left = new Set<() => void>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) for (const resolve of left) resolve()
    })
  })
  server.listen(wanted, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `${tls === undefined ? 'http' : 'https'}://${host}:${port}`,
    connections: () => connections,
    async whenLeft() {
      if (sockets.size > 0) await new Promise<void>((resolve) => left.add(resolve))
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
