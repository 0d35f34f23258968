import { z } from 'zod'
import { isRecord } from '../../lib/json-record.ts'
import { definitionOf, type Definition } from './inspect-schema.ts'
import { isRandomDefault } from './is-random-default.ts'
import { describeMedia, mediaKindOf } from './media.ts'
import type { MediaField } from '../served-workflow.ts'

type JsonSchema = z.core.JSONSchema.BaseSchema

export interface DescribedInput {
  /** JSON Schema 2020-12 of what a caller sends. */
  readonly schema: Readonly<Record<string, unknown>>
  readonly warnings: readonly string[]
}

/**
 * The parameters as JSON Schema, from Zod's own conversion. `strictObjects` say that nothing else may be in them, media
 * are texts of `format: byte`, and defaults that differ from call to call are left out.
 */
export function describeInput(schema: z.ZodType, strictObjects: ReadonlySet<z.core.$ZodType>): DescribedInput {
  const convertible = withoutEmptyDefaults(schema)
  const isStrict = (each: z.core.$ZodType): boolean => strictObjects.has(each === convertible ? schema : each)
  const convert = (unrepresentable: 'throw' | 'any'): Record<string, unknown> => ({
    ...z.toJSONSchema(convertible, {
      io: 'input',
      unrepresentable,
      override: ({ zodSchema, jsonSchema }) => mend(zodSchema, jsonSchema, isStrict),
    }),
  })
  try {
    return { schema: convert('throw'), warnings: [] }
  } catch (error) {
    const warning = `the documentation of the parameters is incomplete: ${error instanceof Error ? error.message : String(error)}`
    try {
      return { schema: convert('any'), warnings: [warning] }
    } catch {
      return { schema: { type: 'object' }, warnings: [warning] }
    }
  }
}

/** `.default(undefined)` is what a list of models makes of which none is known; Zod's conversion throws at it. */
function withoutEmptyDefaults(schema: z.ZodType): z.ZodType {
  if (!(schema instanceof z.ZodObject)) return schema
  const isEmpty = (field: z.core.$ZodType): boolean => {
    const definition = definitionOf(field)
    return definition.type === 'default' && definition.defaultValue === undefined
  }
  const fields = Object.entries<z.core.$ZodType>(schema.shape)
  if (!fields.some(([, field]) => isEmpty(field))) return schema
  const shape = fields.map(([name, field]) => {
    const definition = definitionOf(field)
    const isWithout = isEmpty(field) && definition.type === 'default'
    return [name, isWithout ? z.optional(definition.innerType).meta(z.globalRegistry.get(field) ?? {}) : field] as const
  })
  return schema.clone({ ...schema.def, shape: Object.fromEntries(shape) })
}

/** A copy of a JSON Schema that says of these fields what `image()` and the like would have said. */
export function describeMediaFields(
  schema: Readonly<Record<string, unknown>>,
  fields: readonly MediaField[],
): Readonly<Record<string, unknown>> {
  const copy = structuredClone(schema)
  for (const { path, kind } of fields) for (const text of textSchemasAt(copy, path)) describeMedia(text, kind)
  return copy
}

/** The schemas of texts that stand in a JSON Schema at the place of a parameter; `*` is every element of an array. */
export function textSchemasAt(
  schema: Readonly<Record<string, unknown>>,
  path: readonly string[],
): readonly Record<string, unknown>[] {
  let current: unknown = schema
  for (const step of path) current = stepInto(current, step)
  return textsOf(current)
}

function stepInto(schema: unknown, step: string): unknown {
  if (!isRecord(schema)) return undefined
  const inner = schema[step === '*' ? 'items' : 'properties']
  if (inner !== undefined) return step === '*' || !isRecord(inner) ? inner : inner[step]
  // What may also be null.
  const alternatives = Array.isArray(schema['anyOf']) ? schema['anyOf'] : []
  return alternatives.map((each) => stepInto(each, step)).find((each) => each !== undefined)
}

/** The schema of a text, or those in the alternatives of what may also be something else, such as null. */
function textsOf(schema: unknown): readonly Record<string, unknown>[] {
  if (!isRecord(schema)) return []
  const alternatives = Array.isArray(schema['anyOf']) ? schema['anyOf'].flatMap(textsOf) : []
  return schema['type'] === 'string' || (schema['type'] === undefined && alternatives.length === 0)
    ? [schema]
    : alternatives
}

function mend(schema: z.core.$ZodType, json: JsonSchema, isStrict: (schema: z.core.$ZodType) => boolean): void {
  if (isStrict(schema)) json.additionalProperties = false
  const definition = definitionOf(schema)
  if ('default' in json && isRandomIn(definition)) delete json.default
  const media = mediaKindOf(schema)
  if (media === undefined || json.type !== 'string') return
  describeMedia(json, media)
}

function isRandomIn(definition: Definition): boolean {
  switch (definition.type) {
    case 'default':
    case 'prefault':
      return isRandomDefault(() => definition.defaultValue)
    case 'catch':
      return isRandomDefault(() => definition.catchValue(nothingCaught))
    default:
      return false
  }
}

const nothingCaught = { value: undefined, input: undefined, issues: [], error: { issues: [] } }
