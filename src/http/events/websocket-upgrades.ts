import { ServerResponse, type IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import { GatewayError } from '../../errors/gateway-error.ts'
import { eventProtocol, offeredProtocols } from '../negotiation/subprotocols.ts'

/** Turns requests into WebSockets. */
export interface WebSocketUpgrades {
  /**
   * Answers the handshake of a request that came to a route, and takes its reply over. `undefined` when the client is
   * gone already.
   * @throws GatewayError `upgrade_required`, `invalid_header`
   */
  accept(request: FastifyRequest, reply: FastifyReply): WebSocket | undefined
}

/** Clients have nothing to say. */
const maxClientMessageBytes = 1024
/** How long the other side has to close after we did, and to take what is left until then. */
const closeTimeoutMs = 10_000
/** How long a client has to take the refusal of its handshake. */
const refusalTimeoutMs = 10_000

const serverOptions: ServerOptions & { closeTimeout: number } = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  autoPong: false,
  maxPayload: maxClientMessageBytes,
  closeTimeout: closeTimeoutMs,
  handleProtocols: (offered) => (offered.has(eventProtocol) ? eventProtocol : false),
}

/** RFC 9110 §5.6.2. */
const tokenPattern = /^[\w!#$%&'*+.^`|~-]+$/
const handshakeKeyPattern = /^[+/0-9A-Za-z]{22}==$/

/**
 * Whether a request asks for a WebSocket where one might be. Node handles all others as if nobody ever upgraded, which
 * is what HTTP has in mind for a server that does not want to.
 */
export function isUpgradeRequest({ method, url, headers, httpVersion }: IncomingMessage): boolean {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return false
  // What speaks HTTP/1.0 on the way may pass the header on and not know what it means.
  return httpVersion === '1.1' && /\/ws(?:\?|$)/.test(url ?? '')
}

/**
 * Sends requests for a WebSocket through the routes of the app like every other request: what guards a route guards it
 * before the upgrade, and a refusal is an answer of HTTP.
 */
export function routeUpgrades(app: FastifyInstance): WebSocketUpgrades {
  const handshakes = new WeakMap<IncomingMessage, { socket: Socket; head: Buffer }>()
  const server = new WebSocketServer(serverOptions)

  app.server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    if (!(stream instanceof Socket)) return void stream.destroy()
    handshakes.set(request, { socket: stream, head })
    stream.on('error', () => stream.destroy())
    stream.setTimeout(refusalTimeoutMs, () => stream.destroy())
    const response = new ServerResponse(request)
    // Node no longer reads requests from this connection.
    response.shouldKeepAlive = false
    response.assignSocket(stream)
    response.once('finish', () => stream.destroySoon())
    app.routing(request, response)
  })
  app.addHook('onClose', (_app, done) => {
    server.close()
    done()
  })

  return {
    accept({ raw }, reply) {
      const handshake = handshakes.get(raw)
      if (handshake === undefined) throw upgradeRequired(raw)
      requireHandshake(raw)
      reply.hijack()
      reply.raw.detachSocket(handshake.socket)
      handshake.socket.setTimeout(0)
      let accepted: WebSocket | undefined
      server.handleUpgrade(raw, handshake.socket, handshake.head, (socket) => (accepted = socket))
      return accepted
    },
  }
}

function upgradeRequired({ httpVersion, headers }: IncomingMessage): GatewayError {
  const isTooOld = httpVersion === '1.0' && headers.upgrade !== undefined
  return new GatewayError('upgrade_required', {
    ...(isTooOld && { detail: 'The request came as HTTP/1.0, in which there is no WebSocket. Proxies need 1.1 here.' }),
    headers: { upgrade: 'websocket', connection: 'upgrade, close' },
  })
}

/** What is wrong with a handshake is told here, as a problem, and not by the library. */
function requireHandshake({ headers }: IncomingMessage): void {
  if (headers['sec-websocket-version'] !== '13') {
    throw new GatewayError('upgrade_required', {
      detail: 'Sec-WebSocket-Version must be 13.',
      headers: { upgrade: 'websocket', connection: 'upgrade, close', 'sec-websocket-version': '13' },
    })
  }
  if (!handshakeKeyPattern.test(headers['sec-websocket-key'] ?? '')) {
    throw new GatewayError('invalid_header', { detail: 'Sec-WebSocket-Key must be 16 bytes as base64.' })
  }
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0) {
    throw new GatewayError('invalid_header', {
      detail: 'The handshake of a WebSocket has no body: leave Content-Length and Transfer-Encoding out.',
    })
  }
  const offered = offeredProtocols(headers)
  if (new Set(offered).size < offered.length || !offered.every((protocol) => tokenPattern.test(protocol))) {
    throw new GatewayError('invalid_header', {
      detail: 'Sec-WebSocket-Protocol must be names between commas, none of them twice.',
    })
  }
  if (offered.length > 0 && !offered.includes(eventProtocol)) {
    throw new GatewayError('invalid_header', {
      detail: `Sec-WebSocket-Protocol must have ${eventProtocol} among its protocols, or not be sent.`,
    })
  }
}
