import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { definitionOf } from './inspect-schema.ts'
import { mediaKindOf } from './media.ts'

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
  const convert = (unrepresentable: 'throw' | 'any'): Record<string, unknown> => ({
    ...z.toJSONSchema(schema, {
      io: 'input',
      unrepresentable,
      override: ({ zodSchema, jsonSchema }) => mend(zodSchema, jsonSchema, strictObjects),
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

function mend(schema: z.core.$ZodType, json: JsonSchema, strictObjects: ReadonlySet<z.core.$ZodType>): void {
  if (strictObjects.has(schema)) json.additionalProperties = false
  const definition = definitionOf(schema)
  if ((definition.type === 'default' || definition.type === 'prefault') && isRandom(() => definition.defaultValue)) {
    delete json.default
  }
  const media = mediaKindOf(schema)
  if (media === undefined || json.type !== 'string') return
  json.format = 'byte'
  json.contentMediaType = media === 'mask' ? 'image/*' : `${media}/*`
}

function isRandom(read: () => unknown): boolean {
  return !isDeepStrictEqual(read(), read())
}
