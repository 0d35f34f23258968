import { createHash } from 'node:crypto'
import { inputChoices, inputOptions, type InputSpec, type ObjectInfo } from '../comfyui/wire/object-info.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'

/** What an instance can run, by its own account. */
export interface InstanceCapabilities {
  /** True when it has every class of the prompt, and every name that must be one of a list. */
  canRun(prompt: Prompt): boolean
  /** Equal for instances that can run the same. */
  readonly fingerprint: string
}

/** Class → input → the names it may have. Inputs without a list, and lists of files that can be uploaded, are left out. */
type Lists = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>

/** Reads ComfyUI's `/object_info`. Lists hold the model files of the moment: read again when the instance comes back. */
export function readCapabilities(objectInfo: ObjectInfo): InstanceCapabilities {
  const lists = readLists(objectInfo)
  const hash = createHash('sha1')
  for (const [name, inputs] of lists) {
    hash.update(JSON.stringify([name, [...inputs].map(([input, names]) => [input, ...names])]))
  }
  return {
    canRun: (prompt) => Object.values(prompt).every((node) => canRunNode(lists, node.class_type, node.inputs)),
    fingerprint: hash.digest('hex'),
  }
}

function canRunNode(lists: Lists, classType: string, inputs: Readonly<Record<string, unknown>>): boolean {
  const ofClass = lists.get(classType)
  if (!ofClass) return false
  for (const [name, allowed] of ofClass) {
    const value = inputs[name]
    if (typeof value === 'string' && !allowed.has(value)) return false
  }
  return true
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

function listOf(spec: InputSpec): ReadonlySet<string> | undefined {
  const choices = inputChoices(spec)
  if (!choices) return undefined
  if (Object.keys(inputOptions(spec)).some((option) => option.endsWith('_upload') || option === 'remote'))
    return undefined
  const names = choices.filter((choice) => typeof choice === 'string')
  return names.length === choices.length ? new Set(names) : undefined
}
