import type { z } from 'zod'
import { definitionOf, unwrapSchema } from './inspect-schema.ts'

/** Parsed parameters that nobody sent, for finding out what a workflow does with them. */
export interface SampleInput {
  readonly input: unknown
  /** Text in `input` → where a caller would send one; `*` stands for every element of an array. */
  readonly texts: ReadonlyMap<string, readonly string[]>
}

export interface SampleOptions {
  /** What booleans are; undefined: their defaults, and true where there is none. */
  readonly booleans?: boolean
}

const maxDepth = 8

/**
 * Parameters with everything in them: optional ones too, one element in each list, and a text of its own at every place
 * that takes any text.
 */
export function sampleInput(schema: z.core.$ZodType, { booleans }: SampleOptions = {}): SampleInput {
  const texts = new Map<string, readonly string[]>()
  return { input: sample(schema, [], 0), texts }

  function sample(current: z.core.$ZodType, path: readonly string[], depth: number): unknown {
    if (depth > maxDepth) return undefined
    const definition = definitionOf(unwrapSchema(current))
    switch (definition.type) {
      case 'object':
        return Object.fromEntries(
          Object.entries(definition.shape).map(([name, field]) => [name, sample(field, [...path, name], depth + 1)]),
        )
      case 'array':
        return [sample(definition.element, [...path, '*'], depth + 1)]
      case 'tuple':
        return definition.items.map((item, index) => sample(item, [...path, String(index)], depth + 1))
      case 'string':
      case 'any':
      case 'unknown': {
        const text = `comfyui-api-sample-${texts.size}`
        texts.set(text, path)
        return text
      }
      case 'boolean':
        return booleans ?? defaultOf(current) ?? true
      case 'number':
        return defaultOf(current) ?? 1
      case 'enum':
        return defaultOf(current) ?? Object.values(definition.entries)[0]
      case 'literal':
        return definition.values[0]
      case 'union': {
        const [first] = definition.options
        return defaultOf(current) ?? (first === undefined ? undefined : sample(first, path, depth + 1))
      }
      case 'record':
        return {}
      default:
        return defaultOf(current)
    }
  }
}

/** The default of a schema, below wrappers that change nothing but absence. */
function defaultOf(schema: z.core.$ZodType): unknown {
  const definition = definitionOf(schema)
  if (definition.type === 'default' || definition.type === 'prefault') return definition.defaultValue
  return 'innerType' in definition ? defaultOf(definition.innerType) : undefined
}
