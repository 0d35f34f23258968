import { isRecord } from '../../lib/json-record.ts'

/** In the schema of a body: requests may come without one. */
export const optionalBody = { 'x-optional': true } as const

/** Says of the bodies that are marked so that they need not be sent; the generator of the document requires all. */
export function withOptionalBodies(paths: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return mapRecord(paths, (item) => (isRecord(item) ? mapRecord(item, withOptionalBody) : item))
}

function withOptionalBody(operation: unknown): unknown {
  if (!isRecord(operation) || !isRecord(operation['requestBody'])) return operation
  const body = operation['requestBody']
  const media = isRecord(body['content']) ? Object.values(body['content']) : []
  const isOptional = media.some(
    (one) => isRecord(one) && isRecord(one['schema']) && one['schema']['x-optional'] === true,
  )
  return isOptional ? { ...operation, requestBody: { ...body, required: false } } : operation
}

function mapRecord(record: Readonly<Record<string, unknown>>, change: (value: unknown) => unknown) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}
