import { z } from 'zod'
import { isRecord } from '../../lib/json-record.ts'

/* What `GET /object_info` tells about node classes, loosely: custom nodes put anything into it. */

/** `[type]` or `[type, options]`; the type is a name, or a list of the choices. */
export const inputSpecSchema = z.array(z.unknown())
export type InputSpec = z.infer<typeof inputSpecSchema>

const inputGroupSchema = z.record(z.string(), inputSpecSchema)

export const nodeDefinitionSchema = z.looseObject({
  input: z.looseObject({
    required: inputGroupSchema.optional(),
    optional: inputGroupSchema.optional(),
    hidden: z.record(z.string(), z.unknown()).optional(),
  }),
  /** A type name each; an old enum output is the list of its choices. */
  output: z.array(z.unknown()),
  output_name: z.array(z.unknown()).optional(),
  output_is_list: z.array(z.unknown()).optional(),
  output_node: z.boolean().optional(),
  is_input_list: z.boolean().optional(),
  name: z.string().optional(),
  display_name: z.string().nullish(),
  category: z.string().nullish(),
  python_module: z.string().nullish(),
})
export type NodeDefinition = z.infer<typeof nodeDefinitionSchema> & {
  /** What the class takes and gives is not known: its definition was none that we understand. */
  unreadable?: true
}

/** What is known of a node class; undefined for classes that are not there, or were never seen. */
export type NodeLookup = (classType: string) => NodeDefinition | undefined

/** Class → definition. */
export const objectInfoSchema = z.record(z.string(), nodeDefinitionSchema)
export type ObjectInfo = z.infer<typeof objectInfoSchema>

/** The type name of an input, or the list of its choices; `*` when the spec holds neither. */
export function inputType(spec: InputSpec): string | readonly unknown[] {
  const type = spec[0]
  if (typeof type === 'string') return type
  return isList(type) ? type : '*'
}

/** The options object of an input; empty when there is none. */
export function inputOptions(spec: InputSpec): Readonly<Record<string, unknown>> {
  const options = spec[1]
  return isRecord(options) ? options : {}
}

/** The choices of an enum input, whichever way they are written; undefined when the input is no enum. */
export function inputChoices(spec: InputSpec): readonly unknown[] | undefined {
  const type = inputType(spec)
  if (typeof type !== 'string') return type
  if (type !== 'COMBO') return undefined
  const choices = inputOptions(spec)['options']
  return isList(choices) ? choices : []
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}
