import type { ServedWorkflow } from '../../workflows/served-workflow.ts'
import { isRecord } from '../body/json-record.ts'

type Schema = Readonly<Record<string, unknown>>

/** A 1×1 transparent PNG: the smallest picture a media parameter takes. */
const tinyPng =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** Bodies that work: the author's, or one made from the schema of the parameters, the required ones only. */
export function exampleBodies(
  workflow: Pick<ServedWorkflow, 'definition' | 'inputJsonSchema' | 'mediaFields'>,
): readonly unknown[] {
  const { examples } = workflow.definition
  if (examples !== undefined && examples.length > 0) return examples
  const body = exampleOf(workflow.inputJsonSchema, workflow.inputJsonSchema, 0)
  if (!isRecord(body)) return []
  for (const { path } of workflow.mediaFields) {
    const [name] = path
    if (path.length === 1 && name !== undefined && Object.hasOwn(body, name)) body[name] = tinyPng
  }
  return [body]
}

function exampleOf(schema: unknown, root: Schema, depth: number): unknown {
  if (!isRecord(schema) || depth > 8) return null
  const { default: fallback, examples, const: only, enum: choices, anyOf, oneOf, allOf, $ref: reference } = schema
  if (fallback !== undefined) return fallback
  if (Array.isArray(examples) && examples.length > 0) return examples[0]
  if (only !== undefined) return only
  if (Array.isArray(choices)) return choices[0]
  for (const members of [anyOf, oneOf, allOf]) {
    if (Array.isArray(members) && members.length > 0) return exampleOf(members[0], root, depth + 1)
  }
  if (typeof reference === 'string') return exampleOf(definitionOf(reference, root), root, depth + 1)
  return exampleOfType(schema, root, depth)
}

function exampleOfType(schema: Schema, root: Schema, depth: number): unknown {
  switch ([schema['type']].flat()[0]) {
    case 'object':
      return exampleObject(schema, root, depth)
    case 'array': {
      const length = typeof schema['minItems'] === 'number' ? Math.min(schema['minItems'], 8) : 1
      return Array.from({ length }, () => exampleOf(schema['items'], root, depth + 1))
    }
    case 'integer':
    case 'number':
      return exampleNumber(schema)
    case 'boolean':
      return false
    case 'null':
      return null
    default:
      return exampleText(schema)
  }
}

function exampleObject(schema: Schema, root: Schema, depth: number): Record<string, unknown> {
  const { properties, required } = schema
  if (!isRecord(properties) || !Array.isArray(required)) return {}
  const names = required.filter((name) => typeof name === 'string' && Object.hasOwn(properties, name))
  return Object.fromEntries(names.map((name: string) => [name, exampleOf(properties[name], root, depth + 1)]))
}

function exampleNumber(schema: Schema): number {
  const { minimum, exclusiveMinimum, maximum, multipleOf } = schema
  if (typeof minimum === 'number' && minimum > 0) return minimum
  if (typeof exclusiveMinimum === 'number' && exclusiveMinimum >= 0) return exclusiveMinimum + 1
  const step = typeof multipleOf === 'number' ? multipleOf : 1
  return typeof maximum === 'number' && maximum < step ? maximum : step
}

function exampleText({ minLength, maxLength }: Schema): string {
  const text = 'a lighthouse at dusk'
  const padded = typeof minLength === 'number' ? text.padEnd(Math.min(minLength, 1000), '.') : text
  return typeof maxLength === 'number' ? padded.slice(0, maxLength) : padded
}

function definitionOf(reference: string, root: Schema): unknown {
  const [, name] = /^#\/\$defs\/([^/]+)$/.exec(reference) ?? []
  const definitions = root['$defs']
  return name !== undefined && isRecord(definitions) ? definitions[name] : undefined
}
