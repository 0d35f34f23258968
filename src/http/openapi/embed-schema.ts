import { isRecord } from '../../lib/json-record.ts'
import { orAsset } from '../../workflows/parameters/asset-reference.ts'

/** Keys below which there is data, not a schema. */
const dataKeys = new Set(['default', 'examples', 'example', 'const', 'enum'])
/** A medium in JSON is text, a URL, a data URI or base64. With these beside it, client generators want a file object. */
const bytesKeys = new Set(['format', 'contentMediaType', 'contentEncoding'])
const mediaForms = 'An https URL, a data URI or base64; or `{"asset": id}`, see `POST /assets`.'
const documentKeys = new Set(['$schema', '$id', 'id'])

type Schema = Readonly<Record<string, unknown>>

interface Copying {
  /** Where the copy will stand. */
  readonly base: string
  /** What the copy of a medium becomes. */
  readonly writeMedium: (copy: Schema) => Schema
}

/**
 * A copy of a JSON Schema document for a place inside another document: references into itself point to that place, and
 * media say in which forms they are taken.
 *
 * @param base where the copy will stand, such as `#/components/schemas/Txt2imgInput`
 */
export function embedSchema(schema: Schema, base: string): Record<string, unknown> {
  const own = Object.entries(schema).filter(([key, value]) => !(documentKeys.has(key) && typeof value === 'string'))
  return copySchema(Object.fromEntries(own), { base, writeMedium: embedMedium })
}

/** A copy of a JSON Schema document in which media are texts, or assets. */
export function withAssets(schema: Schema): Record<string, unknown> {
  return copySchema(schema, { base: '#', writeMedium: orAsset })
}

function embedMedium(schema: Schema): Record<string, unknown> {
  const { description } = schema
  const own = Object.entries(schema).filter(([key]) => !bytesKeys.has(key))
  const texts = typeof description === 'string' ? [description, mediaForms] : [mediaForms]
  return orAsset({ ...Object.fromEntries(own), description: texts.join('\n\n') })
}

function copySchema(schema: Schema, copying: Copying): Record<string, unknown> {
  const copy = copyMembers(schema, copying)
  return typeof schema['x-comfyui-media'] === 'string' ? { ...copying.writeMedium(copy) } : copy
}

function copyMembers(schema: Schema, copying: Copying): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, copyMember(key, value, copying)]))
}

function copyMember(key: string, value: unknown, copying: Copying): unknown {
  if (key === '$ref' && typeof value === 'string') return value.startsWith('#') ? copying.base + value.slice(1) : value
  if (dataKeys.has(key)) return value
  if (namedSchemas.has(key) && isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, isRecord(member) ? copySchema(member, copying) : member]),
    )
  }
  if (Array.isArray(value))
    return value.map((member: unknown) => (isRecord(member) ? copySchema(member, copying) : member))
  return isRecord(value) ? copySchema(value, copying) : value
}

/** Keys whose members are named by the author, so a name such as `default` means nothing. */
const namedSchemas = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'])
