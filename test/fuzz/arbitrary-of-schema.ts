import fc from 'fast-check'
import type { JsonSchema } from './openapi-document.ts'

const schemaReference = '#/components/schemas/'
const maxDepth = 5
const largestNumber = 1e9

/**
 * Values that a JSON Schema allows, as far as its keywords are understood here: what it really allows is for a validator
 * to say. Numbers are mostly small, because large ones cost the server time.
 * `knownValues` are real values for properties of that name, such as pictures, which no keyword describes.
 */
export function arbitraryOfSchema(
  schema: JsonSchema,
  schemas: Readonly<Record<string, JsonSchema>>,
  knownValues: ReadonlyMap<string, readonly unknown[]> = new Map(),
): fc.Arbitrary<unknown> {
  return build(schema, 0)

  function build(part: JsonSchema, depth: number): fc.Arbitrary<unknown> {
    if (typeof part === 'boolean') return anything
    const { $ref } = part
    if ('const' in part) return fc.constant(part['const'])
    if (typeof $ref === 'string') return build(schemas[$ref.slice(schemaReference.length)] ?? true, depth)
    const choices = listIn(part, 'enum')
    if (choices) return fc.constantFrom(...choices)
    if (depth > maxDepth) return fc.constant(null)
    const alternatives = listIn(part, 'anyOf') ?? listIn(part, 'oneOf')
    if (alternatives) return fc.oneof(...alternatives.map((one) => build(schemaOf(one), depth + 1)))
    const parts = listIn(part, 'allOf')
    if (parts) return fc.tuple(...parts.map((one) => build(schemaOf(one), depth + 1))).map(merge)
    const types = listIn(part, 'type')
    if (types) return fc.oneof(...types.map((type) => ofType(type, part, depth)))
    return ofType(part['type'], part, depth)
  }

  function ofType(type: unknown, part: Exclude<JsonSchema, boolean>, depth: number): fc.Arbitrary<unknown> {
    switch (type) {
      case 'string':
        return stringOf(part)
      case 'integer':
        return numberOf(part).map(Math.round)
      case 'number':
        return numberOf(part)
      case 'boolean':
        return fc.boolean()
      case 'null':
        return fc.constant(null)
      case 'array':
        return fc.array(build(schemaOf(part['items']), depth + 1), {
          minLength: numberIn(part, 'minItems') ?? 0,
          maxLength: Math.min(numberIn(part, 'maxItems') ?? 4, 20),
        })
      case 'object':
        return objectOf(part, depth)
      default:
        return anything
    }
  }

  function objectOf(part: Exclude<JsonSchema, boolean>, depth: number): fc.Arbitrary<unknown> {
    const required = listIn(part, 'required') ?? []
    const properties = recordIn(part, 'properties')
    const fields = Object.entries(properties).map(([name, property]): [string, fc.Arbitrary<unknown>] => {
      const known = knownValues.get(name)
      const made = build(schemaOf(property), depth + 1)
      const value =
        known === undefined
          ? made
          : fc.oneof({ arbitrary: fc.constantFrom(...known), weight: 4 }, { arbitrary: made, weight: 1 })
      const isRequired = required.includes(name)
      return [name, isRequired ? value : fc.option(value, { nil: absent, freq: 1 })]
    })
    const named = fc
      .tuple(...fields.map(([, value]) => value))
      .map((values) =>
        Object.fromEntries(
          fields.map(([name], index) => [name, values[index]] as const).filter(([, value]) => value !== absent),
        ),
      )
    const { additionalProperties } = part
    if (additionalProperties === undefined || additionalProperties === false) return named
    const otherName = fc.string({ maxLength: 12 }).filter((name) => !Object.hasOwn(properties, name))
    const others = fc.dictionary(otherName, build(schemaOf(additionalProperties), depth + 1), {
      maxKeys: 4,
    })
    return fc.tuple(others, named).map(merge)
  }
}

const absent = Symbol('absent')

/** Any JSON value of moderate size. */
export const anything: fc.Arbitrary<unknown> = fc.jsonValue({ maxDepth: 2 })

function stringOf(part: Exclude<JsonSchema, boolean>): fc.Arbitrary<unknown> {
  const { pattern, format } = part
  if (format === 'uuid') return fc.uuid()
  if (format === 'date-time') return fc.date({ noInvalidDate: true }).map((date) => date.toISOString())
  if (format === 'uri') return fc.webUrl()
  const minLength = numberIn(part, 'minLength') ?? 0
  const maxLength = Math.min(numberIn(part, 'maxLength') ?? minLength + 40, minLength + 2_000)
  if (typeof pattern === 'string') {
    return fc
      .stringMatching(new RegExp(pattern, 'u'))
      .filter(({ length }) => length >= minLength && length <= maxLength)
  }
  return fc
    .oneof(
      fc.string({ minLength, maxLength }),
      fc.string({ minLength, maxLength, unit: 'grapheme' }),
      fc.string({ minLength, maxLength, unit: 'binary' }),
    )
    .filter((text) => Array.from(text).length <= maxLength)
}

function numberOf(part: Exclude<JsonSchema, boolean>): fc.Arbitrary<number> {
  const min = numberIn(part, 'minimum') ?? numberIn(part, 'exclusiveMinimum') ?? -largestNumber
  const max = numberIn(part, 'maximum') ?? numberIn(part, 'exclusiveMaximum') ?? largestNumber
  const step = numberIn(part, 'multipleOf')
  const range = fc.double({ min, max, noNaN: true })
  const nearMin = fc.double({ min, max: Math.min(max, Math.abs(min) * 1.2 + min + 4), noNaN: true })
  return fc
    .oneof({ arbitrary: nearMin, weight: 12 }, { arbitrary: range, weight: 1 })
    .map((value) => (step === undefined ? value : Math.round(value / step) * step))
}

function merge(values: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(values.filter(isRecord).flatMap((value) => Object.entries(value)))
}

function listIn(part: Exclude<JsonSchema, boolean>, key: string): readonly unknown[] | undefined {
  const value: unknown = part[key]
  return Array.isArray(value) && value.length > 0 ? value : undefined
}

function schemaOf(value: unknown): JsonSchema {
  if (typeof value === 'boolean') return value
  return isRecord(value) ? value : true
}

function recordIn(part: Exclude<JsonSchema, boolean>, key: string): Readonly<Record<string, unknown>> {
  const value = part[key]
  return isRecord(value) ? value : {}
}

function numberIn(part: Exclude<JsonSchema, boolean>, key: string): number | undefined {
  const value = part[key]
  return typeof value === 'number' ? value : undefined
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
