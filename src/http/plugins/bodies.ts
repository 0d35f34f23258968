import type { FastifyInstance, FastifyRequest } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import { refuseComplexity } from '../body/complexity.ts'
import { parseJson } from '../body/parse-json.ts'
import { parseMultipart } from '../body/parse-multipart.ts'
import { refuseBrokenText } from '../body/refuse-broken-text.ts'
import { pathOf, type Links } from '../links.ts'
import { emptyBody, ReceivedBody } from '../body/received-body.ts'

/** What `curl -d` and careless clients say of their JSON. A web page can send these without asking, so never from one. */
const carelessTypes = ['application/x-www-form-urlencoded', 'text/plain']

/** Replaces the body parsers of Fastify: every body that gets to a handler is a `ReceivedBody`. */
export function readBodies(app: FastifyInstance, links: Links): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, raw: Buffer, done) => {
    refuseEncoded(request)
    done(null, receiveJson(raw))
  })
  app.addContentTypeParser(
    'multipart/form-data',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, raw: Buffer) => {
      refuseEncoded(request)
      if (raw.length === 0) return emptyBody
      const parts = await parseMultipart(request.headers['content-type'] ?? '', raw)
      return new ReceivedBody({ kind: 'parts', parts }, raw.length)
    },
  )
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, raw: Buffer, done) => {
    refuseEncoded(request)
    if (!isCarelessJson(request)) throw wrongType(request, links)
    done(null, receiveJson(raw))
  })
}

/** Compressed bodies are not taken: a small one could become a very large one. */
function refuseEncoded({ headers }: FastifyRequest): void {
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
