import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { InputStore } from '../../inputs/input-store.ts'
import type { FormParts } from '../body/body-form.ts'
import { refuseComplexity } from '../body/complexity.ts'
import { parseJson } from '../body/parse-json.ts'
import { parseMultipart, type MultipartOptions } from '../body/parse-multipart.ts'
import { refuseBrokenText } from '../body/refuse-broken-text.ts'
import { pathOf, type Links } from '../links.ts'
import { emptyBody, ReceivedBody } from '../body/received-body.ts'

/** What `curl -d` and careless clients say of their JSON. A web page can send these without asking, so never from one. */
const carelessTypes = ['application/x-www-form-urlencoded', 'text/plain']

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What forms are to this route; of a route without it, and of requests it has no answer for, no file is stored. */
    formParts?: (request: FastifyRequest) => FormParts | undefined
  }
}

const noFiles: FormParts = { takesFile: () => false, isText: () => false }

export interface BodyOptions {
  readonly links: Links
  readonly inputs: Pick<InputStore, 'receive' | 'release'>
  /** Largest body in memory. */
  readonly maxBodyBytes: number
}

/** Replaces the body parsers of Fastify: every body that gets to a handler is a `ReceivedBody`. */
export function readBodies(app: FastifyInstance, { links, inputs, maxBodyBytes }: BodyOptions): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, raw: Buffer, done) => {
    refuseEncoded(request)
    done(null, receiveJson(raw))
  })
  app.addContentTypeParser('multipart/form-data', async (request: FastifyRequest, stream: IncomingMessage) => {
    try {
      refuseEncoded(request)
      const { formParts } = request.routeOptions.config
      return await receiveForm(request.headers['content-type'] ?? '', stream, {
        ...(formParts?.(request) ?? noFiles),
        maxTextBytes: maxBodyBytes,
        files: inputs,
      })
    } catch (error) {
      throw stream.destroyed && !stream.complete ? new GatewayError('client_closed_request', { cause: error }) : error
    }
  })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, raw: Buffer, done) => {
    refuseEncoded(request)
    if (!isCarelessJson(request)) throw wrongType(request, links)
    done(null, receiveJson(raw))
  })
  app.addHook('preValidation', (request, reply, done) => {
    const files = request.body instanceof ReceivedBody ? request.body.files : []
    if (files.length > 0) whenAnswered(reply.raw, () => void Promise.all(files.map((file) => inputs.release(file))))
    done()
  })
}

async function receiveForm(contentType: string, stream: IncomingMessage, options: MultipartOptions) {
  const { parts, textBytes, sizeBytes } = await parseMultipart(contentType, stream, options)
  return sizeBytes === 0 ? emptyBody : new ReceivedBody({ kind: 'parts', parts }, textBytes)
}

/** Once the answer is out, or its caller is gone. */
function whenAnswered(answer: ServerResponse, then: () => void): void {
  if (answer.closed) then()
  else answer.once('close', then)
}

/** Compressed bodies are not taken: a small one could become a very large one. */
export function refuseEncoded({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (encoding === 'identity' || encoding === '') return
  throw new GatewayError('unsupported_media_type', {
    detail: `The body is encoded as ${JSON.stringify(encoding.slice(0, 100))}. Send it as it is, without Content-Encoding.`,
    headers: { 'accept-encoding': 'identity' },
  })
}

function receiveJson(raw: Buffer): ReceivedBody {
  if (raw.length === 0) return emptyBody
  const value = parseJson(raw)
  refuseComplexity(value)
  refuseBrokenText(value, raw)
  return new ReceivedBody({ kind: 'json', value, raw }, raw.length)
}

function isCarelessJson({ headers }: FastifyRequest): boolean {
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) return false
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  return type === undefined || carelessTypes.includes(type)
}

function wrongType(request: FastifyRequest, links: Links): GatewayError {
  return new GatewayError('unsupported_media_type', {
    detail:
      `Send a JSON object as application/json, or multipart/form-data, not ${request.headers['content-type'] ?? 'a body without a type'}. ` +
      `With curl: curl ${links.absolute(pathOf(request.url), `${request.protocol}://${request.host}`)} -H 'Content-Type: application/json' -d '{…}'`,
  })
}
