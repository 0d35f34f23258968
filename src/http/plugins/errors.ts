import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { errorCatalogue } from '../../errors/error-catalogue.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { traceIdOf } from '../../lib/traceparent.ts'
import type { HttpLogger } from '../app-options.ts'
import { pathOf, type Links } from '../links.ts'
import { problemContentType, problemOf } from '../schemas/problem.ts'
import { queryRefusal } from '../schemas/query-parameters.ts'
import type { KnownRoutes } from './known-routes.ts'

/** How long the rest of a body that was refused is read. */
const lingerMs = 5000

/** A job that failed while its caller waited: the error, with the job it is about. */
export class JobFailure extends Error {
  readonly error: GatewayError
  readonly jobId: string

  constructor(error: GatewayError, jobId: string) {
    super(error.message, { cause: error })
    this.error = error
    this.jobId = jobId
  }
}

/** What making a problem takes. */
export interface ProblemTools {
  readonly logger: HttpLogger
  readonly maxBodyBytes: number
  readonly links: Links
}

/** Makes problem+json of every error that leaves a handler, a hook or Fastify itself. */
export function answerErrors(app: FastifyInstance, { routes, ...tools }: ProblemTools & { routes: KnownRoutes }): void {
  app.setErrorHandler((error: unknown, request, reply) => sendProblem(error, request, reply, tools))
  const explainMiss = (request: FastifyRequest) => routes.explainMiss(request.method, pathOf(request.url))
  // Said before the body is read, in which other things may be wrong.
  app.addHook('onRequest', (request, _reply, done) => done(request.is404 ? explainMiss(request) : undefined))
  // For plugins that find nothing where there is a route.
  app.setNotFoundHandler((request, reply) => sendProblem(explainMiss(request), request, reply, tools))
}

export function sendProblem(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  options: ProblemTools,
): FastifyReply {
  const jobId = thrown instanceof JobFailure ? thrown.jobId : undefined
  const error = thrown instanceof JobFailure ? thrown.error : toGatewayError(thrown, options.maxBodyBytes)
  if (jobId === undefined) logTrouble(error, request, options.logger)
  const instance = options.links.asked(request.originalUrl)
  const problem = problemOf(error, {
    instance,
    ...originOf(request),
    ...(jobId !== undefined && { jobId }),
  })
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds))
  if (jobId !== undefined) reply.header('job-id', jobId)
  // What comes next on this connection would be refused as well: the caller shall open one to another server.
  if (error.code === 'draining') reply.header('connection', 'close')
  // Removed where it is not set, Node would not even say that it closes a connection that has had all of its requests.
  else if (!request.raw.complete && reply.hasHeader('connection')) reply.removeHeader('connection')
  if (!request.raw.complete) readOn(request.raw)
  return reply
    .code(problem.status)
    .headers(error.headers)
    .removeHeader('content-length')
    .header('cache-control', 'no-store')
    .header('content-type', problemContentType)
    .send(JSON.stringify(problem))
}

/** Whoever still sends would not see the answer if the connection were closed, or if nobody read what comes. */
function readOn(stream: IncomingMessage): void {
  const timer = setTimeout(() => stream.destroy(), lingerMs)
  for (const event of ['end', 'close']) stream.once(event, () => clearTimeout(timer))
  stream.resume()
}

function originOf({ id, traceparent }: FastifyRequest): { requestId: string; traceId?: string } {
  return { requestId: id, ...(traceparent !== undefined && { traceId: traceIdOf(traceparent) }) }
}

/** What an operator has to see to: the caller is told, but can do nothing about it. */
function logTrouble(error: GatewayError, request: FastifyRequest, logger: HttpLogger): void {
  const facts = { err: error.cause ?? error, ...originOf(request) }
  if (error.code === 'internal_error') logger.error(facts, 'A request failed through a fault of ours')
  if (error.code === 'storage_unavailable') logger.error(facts, 'A request failed because nothing can be stored')
}

function toGatewayError(thrown: unknown, maxBodyBytes: number): GatewayError {
  if (thrown instanceof GatewayError) return thrown
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    return queryRefusal(
      thrown.validation.map(({ instancePath, keyword, message }) => ({
        // The whole is `/` there, which as a JSON pointer would be the member without a name.
        pointer: instancePath === '/' ? '' : instancePath,
        code: keyword,
        message: message ?? 'is not valid',
      })),
    )
  }
  return thrown instanceof Error && 'statusCode' in thrown
    ? fromFramework(thrown, thrown.statusCode, maxBodyBytes)
    : new GatewayError('internal_error', { cause: thrown })
}

/** Errors of Fastify and of its plugins: they have a status, Fastify's own a code as well. */
function fromFramework(cause: Error, status: unknown, maxBodyBytes: number): GatewayError {
  switch ('code' in cause ? cause.code : undefined) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new GatewayError('body_too_large', { detail: `The body may have ${maxBodyBytes} bytes.`, cause })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new GatewayError('unsupported_media_type', { cause })
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new GatewayError('malformed_request', { detail: 'The body is not as long as Content-Length says.', cause })
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new GatewayError('not_found', { detail: 'The path is not one this server could have.', cause })
    default:
      return fromStatus(cause, status)
  }
}

function fromStatus(cause: Error, status: unknown): GatewayError {
  if (status === 403 || status === 404) return new GatewayError('not_found', { cause })
  const isCallersFault = typeof status === 'number' && status >= 400 && status < 500
  return isCallersFault
    ? new GatewayError('malformed_request', { detail: errorCatalogue.malformed_request.description, cause })
    : new GatewayError('internal_error', { cause })
}
