import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

export interface Listener {
  readonly port: number
  /** Refuses connections from now on and ends those that are no WebSocket. Resolves when all are gone, those too. */
  stop(): Promise<void>
}

export interface ListenerOptions {
  host: string
  /** 0 takes any free port. */
  port: number
  answer: RequestListener
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

/** How long aiohttp leaves an idle connection open. */
const keepAliveMs = 75_000

/** @throws when the port is taken */
export async function createListener({ host, port, answer, upgrade }: ListenerOptions): Promise<Listener> {
  const server = createServer({ keepAliveTimeout: keepAliveMs }, answer)
  server.on('upgrade', upgrade)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return {
    port: portOf(server.address()),
    stop() {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      return stopped
    },
  }
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}
