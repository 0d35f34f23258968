import { createHash } from 'node:crypto'
import {
  inputChoices,
  inputOptions,
  inputType,
  type InputSpec,
  type NodeDefinition,
  type ObjectInfo,
} from '../comfyui/wire/object-info.ts'
import type { Prompt, PromptNode } from '../comfyui/wire/prompt.ts'

/** What an instance can run, by its own account. */
export interface InstanceCapabilities {
  /** True when it has every class of the prompt, and every name that must be one of a list. */
  canRun(prompt: Prompt): boolean
  /** Why it cannot: each class, and each name of a list, that it does not have. Empty when it can. */
  lacks(prompt: Prompt): readonly MissingPart[]
  /** The names that an input must be one of, in its order; undefined where there is no such list. */
  choices(classType: string, input: string): readonly string[] | undefined
  /** What is known of a class, without its texts for people and its lists of names. */
  definition(classType: string): NodeDefinition | undefined
  /** Equal for instances that can run the same. */
  readonly fingerprint: string
}

/** Something in a prompt that an instance does not have: a class, or where `input` is there, a name for that input. */
export interface MissingPart {
  readonly nodeId: string
  readonly classType: string
  readonly input?: string
  readonly value?: string
}

/** Class → input → the names it may have. Inputs without a list, and lists of files that can be uploaded, are left out. */
type Lists = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>

/** Reads ComfyUI's `/object_info`. Lists hold the model files of the moment: read again when the instance comes back. */
export function readCapabilities(objectInfo: ObjectInfo): InstanceCapabilities {
  const lists = readLists(objectInfo)
  const definitions = new Map(Object.entries(objectInfo).map(([name, whole]) => [name, withoutLists(whole)]))
  const hash = createHash('sha1')
  for (const [name, inputs] of lists) {
    hash.update(JSON.stringify([name, [...inputs].map(([input, names]) => [input, ...names])]))
  }
  return {
    canRun: (prompt) => Object.entries(prompt).every(([id, node]) => missingParts(lists, id, node).length === 0),
    lacks: (prompt) => Object.entries(prompt).flatMap(([id, node]) => missingParts(lists, id, node)),
    choices: (classType, input) => {
      const names = lists.get(classType)?.get(input)
      return names && [...names]
    },
    definition: (classType) => definitions.get(classType),
    fingerprint: hash.digest('hex'),
  }
}

const nothing: readonly MissingPart[] = []

function missingParts(lists: Lists, nodeId: string, node: PromptNode): readonly MissingPart[] {
  const classType = node.class_type
  const ofClass = lists.get(classType)
  if (!ofClass) return [{ nodeId, classType }]
  let missing = nothing
  for (const [input, allowed] of ofClass) {
    const value = node.inputs[input]
    if (typeof value === 'string' && !allowed.has(value)) missing = [...missing, { nodeId, classType, input, value }]
  }
  return missing
}

function readLists(objectInfo: ObjectInfo): Lists {
  return new Map(
    Object.entries(objectInfo).map(([classType, { input }]) => {
      const specs = Object.entries({ ...input.required, ...input.optional })
      const lists = specs.flatMap(([name, spec]) => {
        const names = listOf(spec)
        return names ? [[name, names] as const] : []
      })
      return [classType, new Map(lists)]
    }),
  )
}

/** Small enough to be kept: types of inputs and outputs, and those options that are switched on. */
function withoutLists({ input: { required, optional }, output, python_module }: NodeDefinition): NodeDefinition {
  const brief = (specs: Readonly<Record<string, InputSpec>> = {}): Record<string, InputSpec> =>
    Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, withoutChoices(spec)]))
  return {
    input: { required: brief(required), optional: brief(optional) },
    output: output.map(typeName),
    python_module,
  }
}

function withoutChoices(spec: InputSpec): InputSpec {
  return [
    typeName(inputType(spec)),
    Object.fromEntries(Object.entries(inputOptions(spec)).filter(([, value]) => value === true)),
  ]
}

/** Lists are the types of choices. */
function typeName(type: unknown): string {
  return typeof type === 'string' ? type : 'COMBO'
}

function listOf(spec: InputSpec): ReadonlySet<string> | undefined {
  const choices = inputChoices(spec)
  if (!choices) return undefined
  if (Object.keys(inputOptions(spec)).some((option) => option.endsWith('_upload') || option === 'remote'))
    return undefined
  const names = choices.filter((choice) => typeof choice === 'string')
  return names.length === choices.length ? new Set(names) : undefined
}
