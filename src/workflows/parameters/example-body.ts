import { isRecord } from '../../lib/json-record.ts'
import type { ServedWorkflow } from '../served-workflow.ts'
import { definitionOf, parameterSchema } from './parameter-schemas.ts'

type Schema = Readonly<Record<string, unknown>>
type Value = { readonly value: unknown } | undefined

/** Stands where any text will do. */
export const madeUpText = 'a lighthouse at dusk'

/** Deeper, only what is required: schemas that hold themselves have no end. */
const maxDepthOfAll = 3

/**
 * A body made from the schema, in which random defaults do not stand: what is required, or all parameters whose value
 * can be known. `media` stands for each of its media. Undefined where the schema takes no object; the body may be
 * refused all the same, for reasons that a schema cannot say.
 */
export function exampleBody(
  { inputJsonSchema, mediaFields }: Pick<ServedWorkflow, 'inputJsonSchema' | 'mediaFields'>,
  { isFull, media }: { readonly isFull: boolean; readonly media: string },
): Record<string, unknown> | undefined {
  const example = new Example(inputJsonSchema, isFull)
  const body = example.of(inputJsonSchema, 0)
  if (!isRecord(body)) return undefined
  for (const { path } of mediaFields) {
    const [name] = path
    if (path.length !== 1 || name === undefined) continue
    const isKnown = parameterSchema(name, inputJsonSchema) !== undefined
    if (Object.hasOwn(body, name) || (isFull && isKnown)) body[name] = media
  }
  return body
}

/** A value that a schema takes, with all of its parts whose values can be known. `root` has the `$defs`. */
export function exampleValue(schema: unknown, root: Schema): unknown {
  return new Example(root, true).of(schema, 0)
}

/** Finds values that a JSON Schema takes. */
class Example {
  readonly #root: Schema
  readonly #isFull: boolean

  constructor(root: Schema, isFull: boolean) {
    this.#root = root
    this.#isFull = isFull
  }

  of(schema: unknown, depth: number): unknown {
    if (!isRecord(schema) || depth > 8) return null
    const known = knownValue(schema)
    if (known !== undefined) return known.value
    const { anyOf, oneOf, allOf, $ref: reference } = schema
    for (const members of [anyOf, oneOf, allOf]) {
      if (Array.isArray(members) && members.length > 0) return this.of(members[0], depth + 1)
    }
    if (typeof reference === 'string') return this.of(definitionOf(reference, this.#root), depth + 1)
    return this.#ofType(schema, depth)
  }

  #ofType(schema: Schema, depth: number): unknown {
    switch (typeOf(schema)) {
      case 'object':
        return this.#object(schema, depth)
      case 'array': {
        const length = typeof schema['minItems'] === 'number' ? Math.min(schema['minItems'], 8) : 1
        return Array.from({ length }, () => this.of(schema['items'], depth + 1))
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

  #object({ properties, required }: Schema, depth: number): Record<string, unknown> {
    if (!isRecord(properties)) return {}
    const names = Object.keys(properties).filter((name) => {
      if (Array.isArray(required) && required.includes(name)) return true
      return this.#isFull && depth < maxDepthOfAll && isKnowable(properties[name])
    })
    return Object.fromEntries(names.map((name) => [name, this.of(properties[name], depth + 1)]))
  }
}

function knownValue({ default: fallback, examples, const: only, enum: choices }: Schema): Value {
  if (fallback !== undefined) return { value: fallback }
  if (Array.isArray(examples) && examples.length > 0) return { value: examples[0] }
  if (only !== undefined) return { value: only }
  return Array.isArray(choices) ? { value: choices[0] } : undefined
}

/** False where a text would have to be made up: it may be the name of a model. */
function isKnowable(schema: unknown): boolean {
  if (!isRecord(schema)) return false
  if (knownValue(schema) !== undefined) return true
  const { properties, required } = schema
  switch (typeOf(schema)) {
    case 'array':
      return isKnowable(schema['items'])
    case 'object':
      if (!isRecord(properties) || !Array.isArray(required)) return true
      return required.every((name) => typeof name === 'string' && isKnowable(properties[name]))
    case 'integer':
    case 'number':
    case 'boolean':
    case 'null':
      return true
    default:
      return false
  }
}

function typeOf(schema: Schema): unknown {
  return [schema['type']].flat()[0]
}

function exampleNumber(schema: Schema): number {
  const { minimum, exclusiveMinimum, maximum, multipleOf } = schema
  if (typeof minimum === 'number' && minimum > 0) return minimum
  if (typeof exclusiveMinimum === 'number' && exclusiveMinimum >= 0) return exclusiveMinimum + 1
  const step = typeof multipleOf === 'number' ? multipleOf : 1
  return typeof maximum === 'number' && maximum < step ? maximum : step
}

function exampleText({ minLength, maxLength }: Schema): string {
  const padded = typeof minLength === 'number' ? madeUpText.padEnd(Math.min(minLength, 1000), '.') : madeUpText
  return typeof maxLength === 'number' ? padded.slice(0, maxLength) : padded
}
