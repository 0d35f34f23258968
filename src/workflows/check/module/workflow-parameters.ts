import { pointerTo } from '../../../lib/json-pointer.ts'
import { isRecord } from '../../../lib/json-record.ts'
import { exampleValue } from '../../parameters/example-body.ts'
import { definitionOf, takesEmptyText } from '../../parameters/parameter-schemas.ts'
import type { ServedWorkflow } from '../../served-workflow.ts'

type Schema = Readonly<Record<string, unknown>>

/** A single value that a caller may choose, and what is worth trying for it. */
export interface WorkflowParameter {
  /** JSON pointer into the parameters. Of lists it leads into their first element. */
  readonly pointer: string
  readonly path: readonly string[]
  readonly kind: 'boolean' | 'choice' | 'number' | 'text' | 'media' | 'list' | 'other'
  /** Values it may have; undefined: it may be absent. */
  readonly values: readonly unknown[]
  /** Made up: no value of this parameter is known. */
  readonly sample?: string
  /** What the schema takes. A number that no schema names is left out. */
  readonly minimum?: number
  readonly maximum?: number
  readonly isWholeNumber?: boolean
  /** What must be there before it can be set: the objects and lists it lies in. */
  readonly within: readonly { readonly path: readonly string[]; readonly value: unknown }[]
}

/** Two media of a caller: names of files as uploads get them. */
export const uploads = ['comfyui-api/media-of-a-caller.png', 'comfyui-api/other-media-of-a-caller.png'] as const

const maxDepth = 6
const maxParameters = 300
/** Longer lists are not made up. */
const maxElements = 20
/** Larger numbers could make a module build a graph for ever. */
export const maxTriedNumber = 1e6

/**
 * All parameters of a workflow that are not fixed, in the order of its schema.
 * @param drawn names of those that are another value for each request where they are absent
 */
export function workflowParameters(
  { inputJsonSchema: root, mediaFields }: Pick<ServedWorkflow, 'inputJsonSchema' | 'mediaFields'>,
  drawn: ReadonlySet<string> = new Set(),
): readonly WorkflowParameter[] {
  const found: WorkflowParameter[] = []
  const media = new Set(mediaFields.map(({ path }) => pointerTo(...path.map((step) => (step === '*' ? '0' : step)))))
  visit({ schema: root, path: [], isOptional: false, within: [], depth: 0 })
  return found

  interface Place {
    readonly schema: unknown
    readonly path: readonly string[]
    /** May be absent, and is then. */
    readonly isOptional: boolean
    readonly within: WorkflowParameter['within']
    readonly depth: number
  }

  function visit({ schema: given, path, isOptional, within, depth }: Place): void {
    const { schema, isNullable, alternatives } = resolve(given, root)
    if (depth > maxDepth || found.length >= maxParameters) return
    const pointer = pointerTo(...path)
    const absent = [...(isOptional ? [undefined] : []), ...(isNullable ? [null] : [])]
    const add = (
      kind: WorkflowParameter['kind'],
      values: readonly unknown[],
      more: Partial<WorkflowParameter> = {},
    ) => {
      const all = [...values, ...absent]
      if (path.length > 0 && all.length > 0) found.push({ pointer, path, kind, values: all, within, ...more })
    }
    if (media.has(pointer)) return add('media', uploads)
    if (alternatives !== undefined) {
      return add(
        'other',
        alternatives.flatMap((each) => [exampleValue(each, root), otherValue(each, root)]),
      )
    }
    const { enum: choices, const: only } = schema
    if (Array.isArray(choices)) return add('choice', choices)
    if (only !== undefined) return add('choice', [only])
    switch ([schema['type']].flat()[0]) {
      case 'boolean':
        return add('boolean', [false, true])
      case 'integer':
      case 'number':
        return add('number', numbersOf(schema), limitsOf(schema))
      case 'string': {
        const sample = `comfyui-api-sample-${found.length}`
        return add('text', [...(takesEmptyText(schema, root) ? [''] : []), sample], { sample })
      }
      case 'array': {
        const element = schema['items']
        const isOfMedia = media.has(pointerTo(...path, '0'))
        const first = isOfMedia ? uploads[0] : exampleValue(element, root)
        const second = isOfMedia ? uploads[1] : otherValue(element, root)
        const listOf = (length: number) => Array.from({ length }, (_, index) => (index === 1 ? second : first))
        const lengths = lengthsOf(schema)
        add('list', lengths.map(listOf))
        const example = listOf(lengths.find((length) => length > 0) ?? 1)
        return visit({
          schema: element,
          path: [...path, '0'],
          isOptional: false,
          within: [...within, { path, value: example }],
          depth: depth + 1,
        })
      }
      case 'object': {
        const { properties, required } = schema
        if (!isRecord(properties)) return
        const example = exampleValue(schema, root)
        if (absent.length > 0) add('other', [example])
        for (const [name, inner] of Object.entries(properties)) {
          const isRequired = Array.isArray(required) && required.includes(name)
          visit({
            schema: inner,
            path: [...path, name],
            isOptional: !isRequired && !hasDefault(inner) && !(path.length === 0 && drawn.has(name)),
            within: path.length === 0 ? [] : [...within, { path, value: example }],
            depth: depth + 1,
          })
        }
        return
      }
      default:
        return
    }
  }
}

/** None, one and two elements, the fewest, and one more than these: how many there are may change more than what they are. */
function lengthsOf({ minItems, maxItems }: Schema): readonly number[] {
  const fewest = numberOf(minItems) ?? 0
  const most = numberOf(maxItems) ?? Infinity
  const lengths = new Set([0, 1, 2, ...(fewest <= maxElements ? [fewest, fewest + 1] : [])])
  return [...lengths].filter((length) => length >= fewest && length <= most)
}

function hasDefault(schema: unknown): boolean {
  return isRecord(schema) && 'default' in schema
}

interface ResolvedSchema {
  readonly schema: Schema
  readonly isNullable: boolean
  /** Of a union that is more than nullable. */
  readonly alternatives?: readonly unknown[]
}

/** Without references and without null among the alternatives. */
function resolve(schema: unknown, root: Schema, depth = 0): ResolvedSchema {
  if (!isRecord(schema) || depth > maxDepth) return { schema: {}, isNullable: false }
  const { $ref: reference, anyOf, oneOf } = schema
  if (typeof reference === 'string') return resolve(definitionOf(reference, root), root, depth + 1)
  const members: unknown = anyOf ?? oneOf
  if (!Array.isArray(members)) return { schema, isNullable: false }
  const others: unknown[] = members.filter((member) => !isRecord(member) || member['type'] !== 'null')
  const isNullable = others.length < members.length
  const choices = others.flatMap(choicesOf)
  if (others.length > 0 && others.every((member) => choicesOf(member).length > 0)) {
    return { schema: { enum: choices }, isNullable }
  }
  if (others.length !== 1) return { schema, isNullable, alternatives: others }
  const inner = resolve(others[0], root, depth + 1)
  return { ...inner, isNullable: isNullable || inner.isNullable }
}

/** The example value of a schema, with other numbers, texts and choices in it. */
function otherValue(given: unknown, root: Schema, depth = 0): unknown {
  const { schema, alternatives } = resolve(given, root)
  const { enum: choices, properties } = schema
  if (alternatives !== undefined || depth > maxDepth) return exampleValue(given, root)
  if (Array.isArray(choices)) return choices.at(-1)
  switch ([schema['type']].flat()[0]) {
    case 'boolean':
      return schema['default'] !== true
    case 'integer':
    case 'number':
      return numbersOf(schema)[0] ?? exampleValue(schema, root)
    case 'object': {
      const example = exampleValue(schema, root)
      if (!isRecord(example) || !isRecord(properties)) return example
      const others = Object.keys(example).map((name) => [name, otherValue(properties[name], root, depth + 1)] as const)
      return Object.fromEntries(others)
    }
    default:
      return exampleValue(schema, root)
  }
}

function choicesOf(schema: unknown): readonly unknown[] {
  if (!isRecord(schema)) return []
  if (Array.isArray(schema['enum'])) return schema['enum']
  return schema['const'] === undefined ? [] : [schema['const']]
}

/** Limits that somebody wrote: those of all safe integers say nothing. */
function limitsOf(schema: Schema): Pick<WorkflowParameter, 'minimum' | 'maximum' | 'isWholeNumber'> {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, type } = schema
  const lowest = numberOf(minimum) ?? numberOf(exclusiveMinimum)
  const highest = numberOf(maximum) ?? numberOf(exclusiveMaximum)
  return {
    ...(lowest !== undefined && { minimum: lowest }),
    ...(highest !== undefined && { maximum: highest }),
    isWholeNumber: type === 'integer',
  }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined
}

/** A value in the middle, both ends, and 0, which often means none. */
function numbersOf(schema: Schema): readonly number[] {
  const { minimum, maximum } = limitsOf(schema)
  const { multipleOf, default: usual, exclusiveMinimum, exclusiveMaximum, type } = schema
  const step = numberOf(multipleOf) ?? (type === 'integer' ? 1 : 0.25)
  const start = numberOf(usual) ?? minimum ?? 0
  const inside = (value: number): boolean =>
    Math.abs(value) <= maxTriedNumber &&
    value >= (minimum ?? value) &&
    value <= (maximum ?? value) &&
    value !== exclusiveMinimum &&
    value !== exclusiveMaximum
  const middle = [start + step, start - step].filter(inside).slice(0, 1)
  const ends = [minimum, maximum, 0].filter((value) => value !== undefined)
  return [...new Set([...middle, ...ends.filter(inside)])]
}
