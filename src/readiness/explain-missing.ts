import { isMissingClass } from '../comfyui/wire/answers.ts'
import type { NodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import type { PromptNode } from '../comfyui/wire/prompt.ts'
import { inputChoices } from '../comfyui/wire/object-info.ts'
import { declaredInputs } from '../comfyui/wire/verdict/declared-inputs.ts'
import type { FieldError } from '../errors/gateway-error.ts'
import { nearestName, nearestNames } from '../lib/nearest-name.ts'
import type { SharedCatalogue } from '../instances/instance-pool.ts'

/** As many as a person compares. */
const maxNearest = 3
/** Shorter lists are told whole where nothing is near. */
const maxListed = 12
const maxValueLength = 200

/**
 * Says of errors about a class or a name that no instance has it, what was probably meant, and which instances were
 * asked. Other errors stay as they are.
 */
export function explainMissing(
  errors: readonly FieldError[],
  { prompt, known }: { prompt: Readonly<Record<string, PromptNode>>; known: readonly SharedCatalogue[] },
): readonly FieldError[] {
  return errors.map((error) => {
    const node = prompt[error.node?.id ?? '']
    if (node === undefined) return error
    if (isMissingClass(error.code)) return { ...error, message: describeMissingClass(node.class_type, known) }
    const input = error.node?.input
    if (error.code !== 'value_not_in_list' || input === undefined) return error
    return { ...error, message: describeMissingName(node, input, known) }
  })
}

function describeMissingClass(classType: string, known: readonly SharedCatalogue[]): string {
  const has = known.filter(({ catalogue }) => catalogue.lookUp(classType) !== undefined)
  if (has.length > 0)
    return `only ${listInstances(has)} has the node class ${quote(classType)}, and lacks something else`
  const near = nearestName(
    classType,
    known.flatMap(({ catalogue }) => catalogue.classTypes),
  )
  const hint = near === undefined ? '' : `; did you mean ${quote(near)}?`
  return `no instance has the node class ${quote(classType)} (asked: ${listInstances(known)})${hint}`
}

function describeMissingName(node: PromptNode, input: string, known: readonly SharedCatalogue[]): string {
  const value = node.inputs[input]
  const lists = known.map((each) => ({ ...each, names: choicesOf(node, input, each.catalogue) }))
  const has = lists.filter(({ names }) => names.includes(value))
  if (has.length > 0) return `only ${listInstances(has)} has ${quote(value)}, and lacks something else`
  const names = [...new Set(lists.flatMap((each) => each.names))].filter((name) => typeof name === 'string')
  return `no instance has ${quote(value)} (asked: ${listInstances(known)})${hintOf(value, names)}`
}

function hintOf(value: unknown, names: readonly string[]): string {
  const near = typeof value === 'string' ? nearestNames(value, names, maxNearest) : []
  if (near.length > 0) return `; nearest: ${near.map(quote).join(', ')}`
  if (names.length === 0) return '; there are none'
  return names.length <= maxListed ? `; there are ${names.map(quote).join(', ')}` : `; there are ${names.length} others`
}

/** The values that an input of a node may have there; empty where there is no such class or input. */
function choicesOf(node: PromptNode, input: string, { lookUp, rules }: NodeCatalogue): readonly unknown[] {
  const definition = lookUp(node.class_type)
  if (definition === undefined) return []
  const declared = declaredInputs(definition, node.inputs, rules.expandsDynamicInputs)
  const spec = declared.find(({ name }) => name === input)?.spec
  return (spec && inputChoices(spec)) ?? []
}

function listInstances(known: readonly SharedCatalogue[]): string {
  return known.flatMap(({ instances }) => instances).join(', ')
}

function quote(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > maxValueLength ? `${text.slice(0, maxValueLength)}…` : text
}
