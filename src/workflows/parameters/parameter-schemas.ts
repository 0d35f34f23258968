import { isRecord } from '../../lib/json-record.ts'

/* What the JSON Schema of a workflow says of one of its parameters. `root` is the schema of all of them. */

type Schema = Readonly<Record<string, unknown>>

/** The schema of a parameter; `undefined` when there is none of this name. */
export function parameterSchema(name: string, { properties }: Schema): unknown {
  return isRecord(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined
}

/** Whether there is such a parameter, and a caller may leave it out. */
export function isOptional(name: string, root: Schema): boolean {
  const { required } = root
  return parameterSchema(name, root) !== undefined && !(Array.isArray(required) && required.includes(name))
}

/** Whether a parameter of this schema can be an empty text; true where that is not clear. */
export function takesEmptyText(schema: unknown, root: Schema): boolean {
  if (!isRecord(schema)) return schema !== false
  const { const: only, enum: choices, anyOf, oneOf, allOf, $ref: reference, minLength, pattern } = schema
  if (only !== undefined) return only === ''
  if (Array.isArray(choices)) return choices.includes('')
  for (const members of [anyOf, oneOf]) {
    if (Array.isArray(members)) return members.some((member) => takesEmptyText(member, root))
  }
  if (Array.isArray(allOf)) return allOf.every((member) => takesEmptyText(member, root))
  if (typeof reference === 'string') return takesEmptyText(definitionOf(reference, root), {})
  const types = typesOf(schema, root)
  if (types.length > 0 && !types.includes('string')) return false
  if (typeof minLength === 'number' && minLength > 0) return false
  return typeof pattern !== 'string' || matchesEmptyText(pattern)
}

function matchesEmptyText(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').test('')
  } catch {
    return true
  }
}

/** The JSON types a schema allows; empty where it does not say. */
export function typesOf(schema: unknown, root: Schema): readonly string[] {
  if (!isRecord(schema)) return []
  const { type, const: only, enum: choices, anyOf, oneOf, $ref: reference } = schema
  if (type !== undefined) return [type].flat().filter((name) => typeof name === 'string')
  if (only !== undefined) return [jsonType(only)]
  if (Array.isArray(choices)) return unique(choices.map(jsonType))
  for (const members of [anyOf, oneOf]) {
    if (Array.isArray(members)) return unique(members.flatMap((member) => typesOf(member, root)))
  }
  return typeof reference === 'string' ? typesOf(definitionOf(reference, root), {}) : []
}

/** What a reference to `$defs` means. */
export function definitionOf(reference: string, root: Schema): unknown {
  const [, name] = /^#\/\$defs\/([^/]+)$/.exec(reference) ?? []
  const definitions = root['$defs']
  return name !== undefined && isRecord(definitions) ? definitions[name] : undefined
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)]
}

function jsonType(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
}
