import type { NodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import { inputChoices, inputOptions, type InputSpec, type NodeDefinition } from '../comfyui/wire/object-info.ts'
import type { Prompt, PromptNode } from '../comfyui/wire/prompt.ts'

/** Something in a prompt that an instance does not have: a class, or where `input` is there, a name for that input. */
export interface MissingPart {
  readonly nodeId: string
  readonly classType: string
  readonly input?: string
  readonly value?: string
}

/** Each class of a prompt, and each name that must be one of a list, which a catalogue does not have. */
export function missingParts(catalogue: NodeCatalogue, prompt: Prompt): readonly MissingPart[] {
  return Object.entries(prompt).flatMap(([id, node]) => missingInNode(catalogue, id, node))
}

/** Whether a catalogue has everything of a prompt. Remembered for both: it is asked again and again while jobs wait. */
export function hasAllParts(catalogue: NodeCatalogue, prompt: Prompt): boolean {
  let answers = known.get(catalogue)
  if (answers === undefined) known.set(catalogue, (answers = new WeakMap()))
  let answer = answers.get(prompt)
  if (answer === undefined) {
    answer = Object.entries(prompt).every(([id, node]) => missingInNode(catalogue, id, node).length === 0)
    answers.set(prompt, answer)
  }
  return answer
}

/** The names that an input must be one of, in the order of the instance; undefined where there is no such list. */
export function namesOf(catalogue: NodeCatalogue, classType: string, input: string): readonly string[] | undefined {
  const definition = catalogue.lookUp(classType)
  const names = definition && listsOf(definition).get(input)
  return names && [...names]
}

const known = new WeakMap<NodeCatalogue, WeakMap<Prompt, boolean>>()
const nothing: readonly MissingPart[] = []

function missingInNode(catalogue: NodeCatalogue, nodeId: string, node: PromptNode): readonly MissingPart[] {
  const classType = node.class_type
  const definition = catalogue.lookUp(classType)
  if (definition === undefined) return [{ nodeId, classType }]
  let missing = nothing
  for (const [input, names] of listsOf(definition)) {
    const value = node.inputs[input]
    if (typeof value === 'string' && !names.has(value)) missing = [...missing, { nodeId, classType, input, value }]
  }
  return missing
}

type Lists = ReadonlyMap<string, ReadonlySet<string>>

const lists = new WeakMap<NodeDefinition, Lists>()

/** Input → the names it may have. Inputs without a list, and lists of files that can be uploaded, are left out. */
function listsOf(definition: NodeDefinition): Lists {
  let found = lists.get(definition)
  if (found === undefined) {
    const { required, optional } = definition.input
    found = new Map(
      Object.entries({ ...required, ...optional }).flatMap(([input, spec]) => {
        const names = listOf(spec)
        return names === undefined ? [] : [[input, names] as const]
      }),
    )
    lists.set(definition, found)
  }
  return found
}

function listOf(spec: InputSpec): ReadonlySet<string> | undefined {
  const choices = inputChoices(spec)
  if (choices === undefined || isFilledElsewhere(spec)) return undefined
  const names = choices.filter((choice) => typeof choice === 'string')
  return names.length === choices.length ? new Set(names) : undefined
}

/** A list that uploads or other servers fill. */
export function isFilledElsewhere(spec: InputSpec): boolean {
  return Object.keys(inputOptions(spec)).some((option) => option.endsWith('_upload') || option === 'remote')
}
