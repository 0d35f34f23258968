import type { z } from 'zod'
import { definitionOf, unwrapSchema } from './inspect-schema.ts'

/** Parsed parameters that nobody sent, for finding out what a workflow does with them. */
export interface SampleInput {
  readonly input: unknown
  /** Text in `input` → where a caller would send one; `*` stands for every element of an array. */
  readonly texts: ReadonlyMap<string, readonly string[]>
  /** What else could stand in such parameters, so that a workflow may do something else with the texts. */
  readonly turns: readonly SampleTurn[]
}

/** One change of a sample. Paths are as in `SampleInput.texts`, joined by `pathKey`. */
export type SampleTurn =
  /** Another one of the choices of a parameter, or of the forms that it may have. */
  | { readonly kind: 'choice'; readonly key: string; readonly index: number }
  /** Of the texts that may be left out beside it, only this one is there. */
  | { readonly kind: 'alone'; readonly key: string; readonly beside: string }

export interface SampleOptions {
  /** What booleans are; undefined: their defaults, and true where there is none. */
  readonly booleans?: boolean
  readonly turn?: SampleTurn
}

const maxDepth = 8

/**
 * Parameters with everything in them: optional ones too, one element in each list, and a text of its own at every place
 * that takes any text.
 */
export function sampleInput(schema: z.core.$ZodType, { booleans, turn }: SampleOptions = {}): SampleInput {
  const texts = new Map<string, readonly string[]>()
  const turns: SampleTurn[] = []
  return { input: sample(schema, [], 0), texts, turns }

  function sample(current: z.core.$ZodType, path: readonly string[], depth: number): unknown {
    if (depth > maxDepth) return undefined
    const definition = definitionOf(unwrapSchema(current))
    switch (definition.type) {
      case 'object':
        return Object.fromEntries(
          Object.entries(definition.shape).map(([name, field]) => [name, member(field, [...path, name], depth + 1)]),
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
        return choice(Object.values(definition.entries), current, path)
      case 'literal':
        return choice(definition.values, current, path)
      case 'union': {
        const index = turnAt(path) ?? (defaultOf(current) === undefined ? 0 : undefined)
        addChoices(definition.options.length, path)
        const option = index === undefined ? undefined : definition.options[index]
        return option === undefined ? defaultOf(current) : sample(option, path, depth + 1)
      }
      case 'record':
        return {}
      default:
        return defaultOf(current)
    }
  }

  /** Of an object: it may be left out. */
  function member(field: z.core.$ZodType, path: readonly string[], depth: number): unknown {
    const isText = definitionOf(unwrapSchema(field)).type === 'string'
    if (!isText || !isOptional(field)) return sample(field, path, depth)
    const [key, beside] = [pathKey(path), pathKey(path.slice(0, -1))]
    turns.push({ kind: 'alone', key, beside })
    if (turn?.kind === 'alone' && turn.beside === beside && turn.key !== key) return defaultOf(field)
    return sample(field, path, depth)
  }

  function choice(values: readonly unknown[], current: z.core.$ZodType, path: readonly string[]): unknown {
    addChoices(values.length, path)
    // Of a form of a parameter, whose place this is too, the choices are others.
    const index = turnAt(path) ?? values.length
    return index < values.length ? values[index] : (defaultOf(current) ?? values[0])
  }

  function addChoices(count: number, path: readonly string[]): void {
    if (count < 2) return
    for (let index = 0; index < count; index += 1) turns.push({ kind: 'choice', key: pathKey(path), index })
  }

  function turnAt(path: readonly string[]): number | undefined {
    return turn?.kind === 'choice' && turn.key === pathKey(path) ? turn.index : undefined
  }
}

function pathKey(path: readonly string[]): string {
  return path.join('\0')
}

/** Whether a schema takes that nothing is there, in which case it may give its default. */
function isOptional(schema: z.core.$ZodType): boolean {
  const definition = definitionOf(schema)
  if (definition.type === 'optional' || definition.type === 'default' || definition.type === 'prefault') return true
  return 'innerType' in definition && isOptional(definition.innerType)
}

/** The default of a schema, below wrappers that change nothing but absence. */
function defaultOf(schema: z.core.$ZodType): unknown {
  const definition = definitionOf(schema)
  if (definition.type === 'default' || definition.type === 'prefault') return definition.defaultValue
  return 'innerType' in definition ? defaultOf(definition.innerType) : undefined
}
