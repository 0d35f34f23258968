import { createServer, request as sendRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'

/** What a front does with a request: answers it itself, passes it on later, or closes the connection, before or after. */
export type FrontAction =
  | { readonly status: number; readonly body: string }
  | { readonly passAfter: Promise<unknown> }
  | 'hang up'
  | 'hide the answer'

/** A request as it came. */
export interface PassedRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly body: Buffer
}

export interface FrontServer {
  readonly url: string
  /** Requests that came, as `POST /api/prompt`, without their query. */
  readonly requests: readonly string[]
  close(): Promise<void>
}

/**
 * A server in front of another one: passes requests and WebSockets on, but for those that `decide` takes. It gets the
 * request as `POST /api/prompt`.
 *
 * @param note told of each request that is passed on, once it is whole
 */
export async function createFront(
  behindUrl: string,
  decide: (request: string) => FrontAction | undefined,
  note?: (request: PassedRequest) => void,
): Promise<FrontServer> {
  const behind = new URL(behindUrl)
  const requests: string[] = []

  function pass(request: IncomingMessage, response: ServerResponse, isHidden: boolean): void {
    const { method, url: path, headers } = request
    const passed = sendRequest({ host: behind.hostname, port: behind.port, method, path, headers }, (answer) => {
      if (isHidden) return void request.socket.destroy()
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    request.pipe(passed)
    if (note === undefined) return
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => note({ method: method ?? '', path: path ?? '', body: Buffer.concat(chunks) }))
  }

  const server = createServer((request, response) => {
    const name = `${request.method ?? ''} ${request.url?.split('?')[0] ?? ''}`
    requests.push(name)
    const action = decide(name)
    if (action === undefined || action === 'hide the answer') return pass(request, response, action !== undefined)
    if (action === 'hang up') return void request.socket.destroy()
    if ('passAfter' in action) return void action.passAfter.then(() => pass(request, response, false))
    request.resume()
    response.writeHead(action.status, { 'content-type': 'application/json' }).end(action.body)
  })
  server.on('upgrade', (request, socket) => {
    const tunnel = connect(Number(behind.port), behind.hostname, () => {
      const lines = request.rawHeaders.reduce(
        (text, part, index) => text + part + (index % 2 === 0 ? ': ' : '\r\n'),
        `GET ${request.url ?? ''} HTTP/1.1\r\n`,
      )
      tunnel.write(`${lines}\r\n`)
      socket.pipe(tunnel).pipe(socket)
    })
    tunnel.on('error', () => socket.destroy())
    socket.on('error', () => tunnel.destroy())
    socket.on('close', () => tunnel.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${String(port)}`,
    requests,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
