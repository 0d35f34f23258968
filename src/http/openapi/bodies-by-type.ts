import { isRecord } from '../../lib/json-record.ts'

const marker = 'x-by-type'

/** In the schema of a body: what it is in each content type that the route consumes. */
export function bodyByType(schemas: Readonly<Record<string, object>>): Record<string, unknown> {
  return { [marker]: schemas }
}

/** Gives each content type of the bodies that are marked so its own schema; the generator of the document knows one. */
export function withBodiesByType(paths: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return mapRecord(paths, (item) => (isRecord(item) ? mapRecord(item, withOwnSchemas) : item))
}

function withOwnSchemas(operation: unknown): unknown {
  if (!isRecord(operation) || !isRecord(operation['requestBody'])) return operation
  const body = operation['requestBody']
  const content = isRecord(body['content']) ? mapRecord(body['content'], withOwnSchema) : {}
  return { ...operation, requestBody: { ...body, content } }
}

function withOwnSchema(medium: unknown, contentType: string): unknown {
  const schema = isRecord(medium) && isRecord(medium['schema']) ? medium['schema'][marker] : undefined
  return isRecord(schema) && Object.hasOwn(schema, contentType) ? { schema: schema[contentType] } : medium
}

function mapRecord(record: Readonly<Record<string, unknown>>, change: (value: unknown, key: string) => unknown) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]))
}
