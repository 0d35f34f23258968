import { isRecord } from '../../lib/json-record.ts'

/** Keys below which there is data, not a schema. */
const dataKeys = new Set(['default', 'examples', 'example', 'const', 'enum'])
/** A medium in JSON is text, a URL, a data URI or base64. With these beside it, client generators want a file object. */
const bytesKeys = new Set(['format', 'contentMediaType', 'contentEncoding'])
const mediaForms = 'An https URL, a data URI or base64.'
const documentKeys = new Set(['$schema', '$id', 'id'])

/**
 * A copy of a JSON Schema document for a place inside another document: references into itself point to that place.
 *
 * @param base where the copy will stand, such as `#/components/schemas/Txt2imgInput`
 */
export function embedSchema(schema: Readonly<Record<string, unknown>>, base: string): Record<string, unknown> {
  const own = Object.entries(schema).filter(([key, value]) => !(documentKeys.has(key) && typeof value === 'string'))
  return copySchema(Object.fromEntries(own), base)
}

function copySchema(schema: Readonly<Record<string, unknown>>, base: string): Record<string, unknown> {
  const isMedium = typeof schema['x-comfyui-media'] === 'string'
  if (!isMedium) return copyMembers(schema, base)
  const { description } = schema
  const own = Object.entries(schema).filter(([key]) => !bytesKeys.has(key))
  const texts = typeof description === 'string' ? [description, mediaForms] : [mediaForms]
  return { ...copyMembers(Object.fromEntries(own), base), description: texts.join('\n\n') }
}

function copyMembers(schema: Readonly<Record<string, unknown>>, base: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, copyMember(key, value, base)]))
}

function copyMember(key: string, value: unknown, base: string): unknown {
  if (key === '$ref' && typeof value === 'string') return value.startsWith('#') ? base + value.slice(1) : value
  if (dataKeys.has(key)) return value
  if (namedSchemas.has(key) && isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, isRecord(member) ? copySchema(member, base) : member]),
    )
  }
  if (Array.isArray(value))
    return value.map((member: unknown) => (isRecord(member) ? copySchema(member, base) : member))
  return isRecord(value) ? copySchema(value, base) : value
}

/** Keys whose members are named by the author, so a name such as `default` means nothing. */
const namedSchemas = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'])
