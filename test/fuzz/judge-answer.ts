import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { JsonSchema, OpenApiDocument, Operation } from './openapi-document.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly bytes: Buffer
  /** A stream that was left before its end. */
  readonly isCut: boolean
}

export interface Judge {
  /** What an answer has that the document does not allow. Empty when all is well. */
  judge(operation: Operation | undefined, method: string, answer: Answer): string[]
  /** Whether the document allows this JSON body. */
  allows(operation: Operation, body: unknown): boolean
}

const documentId = 'document'
const jsonType = 'application/json'
const problemType = 'application/problem+json'

/** Judges answers by the document alone: it knows nothing else of the server. */
export function createJudge({ schemas }: OpenApiDocument): Judge {
  const ajv = new Ajv2020({ strict: false, allErrors: false, validateFormats: true })
  addFormats.default(ajv)
  ajv.addSchema({ $id: documentId, components: { schemas } })
  const compiled = new Map<JsonSchema, ValidateFunction>()

  function validatorOf(schema: JsonSchema): ValidateFunction {
    const known = compiled.get(schema)
    if (known) return known
    const made = ajv.compile(typeof schema === 'boolean' ? schema : absoluteReferences(schema))
    compiled.set(schema, made)
    return made
  }

  function faultsOf(schema: JsonSchema, text: string): string[] {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return [`the body is no JSON: ${text.slice(0, 100)}`]
    }
    const validate = validatorOf(schema)
    if (validate(value)) return []
    return (validate.errors ?? []).map(
      ({ instancePath, message }) => `the body at "${instancePath}" ${message ?? 'is wrong'}`,
    )
  }

  const problemSchema = schemas['Problem'] ?? true

  return {
    judge(operation, method, { status, headers, bytes, isCut }) {
      const faults: string[] = []
      if (headers['x-request-id'] === undefined) faults.push('there is no x-request-id')
      const contentType = headers['content-type']?.split(';')[0]?.trim()
      const text = bytes.toString()
      if (method === 'HEAD' || status === 204 || status === 304) {
        if (bytes.length > 0) faults.push('there is a body where none may be')
      } else if (status >= 400 && contentType === problemType) {
        faults.push(...faultsOf(problemSchema, text))
      } else if (status >= 400 && operation === undefined) {
        faults.push(`an error is ${contentType ?? 'nothing'}, not ${problemType}`)
      }
      if (operation === undefined) return faults

      const response = operation.responses[String(status)] ?? operation.responses['default']
      if (response === undefined) return [...faults, `the status ${status} is not documented`]
      for (const [name, { schema }] of Object.entries(response.headers)) {
        const sent = headers[name.toLowerCase()]
        if (sent !== undefined && typeof schema !== 'boolean' && schema['type'] === 'integer' && !/^\d+$/.test(sent))
          faults.push(`the header ${name} is no whole number: ${sent}`)
      }
      if (response.content === undefined || method === 'HEAD') return faults
      const [, media] = Object.entries(response.content).find(([pattern]) => matches(pattern, contentType)) ?? []
      if (media === undefined) return [...faults, `the content type ${contentType ?? 'nothing'} is not documented`]
      if (contentType === jsonType && !isCut) faults.push(...faultsOf(media.schema ?? true, text))
      return faults
    },
    allows(operation, body) {
      const schema = operation.requestBody?.content[jsonType]?.schema
      return schema === undefined || validatorOf(schema)(body)
    },
  }
}

function matches(pattern: string, contentType: string | undefined): boolean {
  if (contentType === undefined) return false
  if (pattern === '*/*' || pattern === contentType) return true
  return pattern.endsWith('/*') && contentType.startsWith(pattern.slice(0, -1))
}

/** The same schema with its references made to point into the whole document. */
function absoluteReferences(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, absolute(key, value)]))
}

function absolute(key: string, value: unknown): unknown {
  if (key === '$ref' && typeof value === 'string') return value.replace(/^#/, `${documentId}#`)
  if (Array.isArray(value)) return value.map((one: unknown) => absolute('', one))
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, absolute(name, one)]))
    : value
}
