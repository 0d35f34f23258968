import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import { definitionOf, unwrapSchema } from './inspect-schema.ts'
import { pointerBelow } from '../../lib/json-pointer.ts'
import { isPlainObject } from '../../lib/json-record.ts'

/** A single value in the parameters of a request. */
export interface InputLeaf {
  /** JSON pointer. */
  readonly pointer: string
  readonly value: string | number | boolean
  /** Another value of the same kind, which a caller could have sent. */
  readonly other: string | number | boolean
  /** True when the caller may send any text, and not only one of a fixed set. */
  readonly isFreeText: boolean
}

/** Texts that nobody sends, so that whatever is made of them can be told from everything else. */
const strangeText = 'zqx-traced'

/** All leaves of parsed parameters in document order, `limit` of them at most. Fixed values are left out. */
export function inputLeaves(schema: z.core.$ZodType, input: unknown, limit: number): readonly InputLeaf[] {
  const leaves: InputLeaf[] = []
  visit(input, schema, '')
  return leaves

  function visit(value: unknown, current: z.core.$ZodType | undefined, pointer: string): void {
    if (leaves.length >= limit) return
    if (Array.isArray(value)) {
      value.forEach((item, index) => visit(item, partAt(current, index), pointerBelow(pointer, index)))
    } else if (isPlainObject(value)) {
      for (const [key, item] of Object.entries(value)) visit(item, partAt(current, key), pointerBelow(pointer, key))
    } else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      const choices = choicesOf(current)
      const other = choices === undefined ? altered(value, leaves.length) : choices.find((each) => each !== value)
      if (other === undefined) return
      leaves.push({ pointer, value, other, isFreeText: typeof value === 'string' && choices === undefined })
    }
  }
}

/** A copy of `input` with the value at `pointer` replaced. */
export function withLeaf(input: unknown, pointer: string, value: unknown): unknown {
  if (pointer === '') return value
  return replaceIn(input, '')

  function replaceIn(current: unknown, at: string): unknown {
    if (at === pointer) return value
    if (!pointer.startsWith(`${at}/`)) return current
    if (Array.isArray(current)) return current.map((item, index) => replaceIn(item, pointerBelow(at, index)))
    if (!isPlainObject(current)) return current
    const entries = Object.entries(current).map(([key, item]) => [key, replaceIn(item, pointerBelow(at, key))] as const)
    return Object.fromEntries(entries)
  }
}

/** Whether the value at `pointer` is there without anybody having chosen it: it, or what holds it, is the default. */
export function isDefaultAt(schema: z.core.$ZodType, input: unknown, pointer: string): boolean {
  return isLeft(input, schema, '')

  function isLeft(value: unknown, current: z.core.$ZodType | undefined, at: string): boolean {
    if (isDefault(current, value)) return true
    if (Array.isArray(value)) return value.some((item, index) => isLeftBelow(item, current, at, index))
    if (!isPlainObject(value)) return false
    return Object.entries(value).some(([key, item]) => isLeftBelow(item, current, at, key))
  }

  function isLeftBelow(item: unknown, parent: z.core.$ZodType | undefined, at: string, key: string | number): boolean {
    const below = pointerBelow(at, key)
    return (pointer === below || pointer.startsWith(`${below}/`)) && isLeft(item, partAt(parent, key), below)
  }
}

/**
 * A copy of `input` in which every text that the caller chose freely is another one, the keys of records included.
 * What the caller cannot have chosen stays: `kept` texts, members of enums, and the schema's own defaults.
 */
export function withoutCallersTexts(schema: z.core.$ZodType, input: unknown, kept: ReadonlySet<string>): unknown {
  let count = 0
  return replace(input, schema)

  function replace(value: unknown, current: z.core.$ZodType | undefined): unknown {
    if (typeof value === 'string') {
      if (kept.has(value) || choicesOf(current) !== undefined || isDefault(current, value)) return value
      count += 1
      return `${strangeText}-all-${count}`
    }
    if (Array.isArray(value)) return value.map((item, index) => replace(item, partAt(current, index)))
    if (!isPlainObject(value)) return value
    const entries = Object.entries(value).map(([key, item]) => {
      const part = partAt(current, key)
      return [hasField(current, key) ? key : `${strangeText}-key-${(count += 1)}`, replace(item, part)] as const
    })
    return Object.fromEntries(entries)
  }
}

/** The values of an enum or literal; undefined for everything else. */
function choicesOf(schema: z.core.$ZodType | undefined): readonly (string | number | boolean)[] | undefined {
  if (schema === undefined) return undefined
  const definition = definitionOf(unwrapSchema(schema))
  switch (definition.type) {
    case 'enum':
      return Object.values(definition.entries)
    case 'literal':
      return definition.values.filter(
        (value) => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean',
      )
    case 'union': {
      const options = definition.options.map(choicesOf)
      return options.every((each) => each !== undefined) ? options.flat() : undefined
    }
    default:
      return undefined
  }
}

function isDefault(schema: z.core.$ZodType | undefined, value: unknown): boolean {
  if (schema === undefined) return false
  const definition = definitionOf(schema)
  const hasDefault = definition.type === 'default' || definition.type === 'prefault'
  if (hasDefault && isDeepStrictEqual(definition.defaultValue, value)) return true
  return 'innerType' in definition && isDefault(definition.innerType, value)
}

function partAt(schema: z.core.$ZodType | undefined, key: string | number): z.core.$ZodType | undefined {
  if (schema === undefined) return undefined
  const definition = definitionOf(unwrapSchema(schema))
  switch (definition.type) {
    case 'object':
      return typeof key === 'string' && Object.hasOwn(definition.shape, key)
        ? definition.shape[key]
        : definition.catchall
    case 'array':
      return definition.element
    case 'record':
      return definition.valueType
    case 'tuple':
      return definition.items[Number(key)] ?? definition.rest ?? undefined
    default:
      return undefined
  }
}

function hasField(schema: z.core.$ZodType | undefined, key: string): boolean {
  if (schema === undefined) return false
  const definition = definitionOf(unwrapSchema(schema))
  switch (definition.type) {
    case 'object':
      return Object.hasOwn(definition.shape, key)
    case 'union':
      return definition.options.some((option) => hasField(option, key))
    case 'intersection':
      return hasField(definition.left, key) || hasField(definition.right, key)
    default:
      return false
  }
}

function altered(value: string | number | boolean, index: number): string | number | boolean {
  if (typeof value === 'boolean') return !value
  return typeof value === 'number' ? value + 1 : `${strangeText}-${index}`
}
