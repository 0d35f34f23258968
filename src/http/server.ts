import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { errorCatalogue, type ErrorCode } from '../errors/error-catalogue.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { HttpLimits, HttpLogger, TrustedProxies } from './app-options.ts'
import { isUpgradeRequest } from './events/websocket-upgrades.ts'
import type { Links } from './links.ts'
import { limitBodyPace } from './plugins/body-pace.ts'
import { sendProblem } from './plugins/errors.ts'
import { problemContentType, problemOf } from './schemas/problem.ts'

const idleSweepMs = 50
/** How long somebody who was hung up on has to hang up as well. */
const lingerMs = 5_000
const requestIdPattern = /^[A-Za-z0-9._:-]{1,128}$/

/** What a slow or hostile client may use up. Fastify and Node leave most of these open. */
const defaults = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 300_000,
  connectionsCheckIntervalMs: 5_000,
  keepAliveTimeoutMs: 72_000,
  maxConnections: 5_000,
  maxRequestsPerSocket: 1_000,
  maxHeaderBytes: 16_384,
}

/** A Fastify instance with our limits and without any route. */
export function createServer(options: {
  limits: HttpLimits
  logger: HttpLogger
  links: Links
  trustedProxies: TrustedProxies | undefined
  mintRequestId: () => string
}): FastifyInstance {
  const { limits, logger, links, trustedProxies, mintRequestId } = options
  const app = Fastify({
    logger: false,
    bodyLimit: limits.maxBodyBytes,
    // Bodies are watched by their pace instead.
    requestTimeout: 0,
    keepAliveTimeout: defaults.keepAliveTimeoutMs,
    maxRequestsPerSocket: defaults.maxRequestsPerSocket,
    return503OnClosing: false,
    trustProxy: trustOf(trustedProxies),
    rewriteUrl: ({ url = '/' }) => links.routeOf(url) ?? url,
    routerOptions: { maxParamLength: 500 },
    // The routes come with compilers of their own. Without these two Fastify loads what it usually makes them with.
    schemaController: { compilersFactory: { buildValidator: refuseToCompile, buildSerializer: refuseToCompile } },
    http: {
      headersTimeout: limits.headersTimeoutMs ?? defaults.headersTimeoutMs,
      connectionsCheckingInterval: limits.connectionsCheckIntervalMs ?? defaults.connectionsCheckIntervalMs,
      maxHeaderSize: defaults.maxHeaderBytes,
      shouldUpgradeCallback: isUpgradeRequest,
    },
    genReqId: (request: IncomingMessage) => {
      const sent = request.headers['x-request-id']
      return typeof sent === 'string' && requestIdPattern.test(sent) ? sent : mintRequestId()
    },
    frameworkErrors: (error, request, reply) => {
      // No hook runs for these.
      reply.header('x-request-id', request.id)
      sendProblem(error, request, reply, { logger, maxBodyBytes: limits.maxBodyBytes, links })
    },
    clientErrorHandler: (error, socket) => refuseConnection(error.code, socket, mintRequestId()),
  })
  limitBodyPace(app, {
    periodMs: limits.requestTimeoutMs ?? defaults.requestTimeoutMs,
    refuse: ({ socket }, requestId) => refuseConnection('ERR_HTTP_REQUEST_TIMEOUT', socket, requestId),
  })
  app.server.maxConnections = limits.maxConnections ?? defaults.maxConnections
  app.addHook('preClose', (done) => {
    closeIdleConnections(app.server)
    done()
  })
  return app
}

function refuseToCompile(): never {
  throw new Error('No compiler of schemas is set.')
}

/**
 * Fastify believes nobody when it is given a number, because it cannot know that the peer is a proxy. A number is for
 * servers that only their proxies can reach.
 */
function trustOf(proxies: TrustedProxies | undefined): false | string[] | ((address: string, hop: number) => boolean) {
  if (proxies === undefined) return false
  return typeof proxies === 'number' ? (_address, hop) => hop < proxies : [...proxies]
}

/** A connection that becomes idle while the server closes would hold it up until its keep-alive time is over. */
function closeIdleConnections(server: Server): void {
  if (!server.listening) return
  const timer = setInterval(() => server.closeIdleConnections(), idleSweepMs)
  server.once('close', () => clearInterval(timer))
}

/** Answers what never became a request, and hangs up. */
function refuseConnection(reason: string, socket: Socket, requestId: string): void {
  if (reason === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const code = codeOf(reason)
  const error = new GatewayError(code, { detail: errorCatalogue[code].description })
  const body = JSON.stringify(problemOf(error, { instance: '', requestId }))
  const { status } = error.kind
  socket.end(
    `HTTP/1.1 ${status} ${phrases[code]}\r\nContent-Type: ${problemContentType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nX-Request-Id: ${requestId}\r\nConnection: close\r\n\r\n${body}`,
  )
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(timer))
}

type ConnectionErrorCode = Extract<ErrorCode, 'request_timeout' | 'headers_too_large' | 'malformed_request'>

const phrases: Readonly<Record<ConnectionErrorCode, string>> = {
  request_timeout: 'Request Timeout',
  headers_too_large: 'Request Header Fields Too Large',
  malformed_request: 'Bad Request',
}

function codeOf(reason: string): ConnectionErrorCode {
  if (reason === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request_timeout'
  return reason === 'HPE_HEADER_OVERFLOW' ? 'headers_too_large' : 'malformed_request'
}
