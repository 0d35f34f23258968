import type { NodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { validatePrompt, type NodeErrors, type PromptVerdict } from '../comfyui/wire/verdict/validate-prompt.ts'
import { isFileName } from '../instances/file-lists.ts'
import { namesOf } from '../instances/missing-parts.ts'

/** ComfyUI's verdict, but for what its own rules leave to code that no instance tells of. */
export function lenientVerdict(prompt: Prompt, { lookUp, rules }: NodeCatalogue): PromptVerdict {
  // Old releases know no such rule, but classes of custom nodes have types that equal every other.
  const lenient = rules.matchesAnyType ? rules : { ...rules, matchesAnyType: true }
  return validatePrompt(prompt, undefined, { nodes: lookUp, rules: lenient, fileExists: anyFile })
}

/** Uploads come later, and an instance does not tell all of its other files. */
const anyFile = () => true

/** Whether there are errors, and ComfyUI may see none of them: that is decided by code of custom nodes. */
export function isLeftToClasses(nodeErrors: NodeErrors, catalogue: NodeCatalogue): boolean {
  const all = Object.values(nodeErrors).flatMap(({ class_type: classType, errors }) =>
    errors.map(({ type, extra_info: info }) => mayTake(catalogue, classType, type, String(info['input_name']))),
  )
  return all.length > 0 && all.every((is) => is)
}

/** What ComfyUI does not check where a class has a check of its own; whether it has one, no instance tells. */
const leftToClasses: ReadonlySet<string> = new Set([
  'value_not_in_list',
  'value_smaller_than_min',
  'value_bigger_than_max',
  'return_type_mismatch',
])

/** Names of files are not made up by classes: the lists of models are what there is. */
function mayTake(catalogue: NodeCatalogue, classType: string, type: string, input: string): boolean {
  const isCustom = catalogue.lookUp(classType)?.python_module?.startsWith('custom_nodes') === true
  if (!isCustom || !leftToClasses.has(type)) return false
  if (type !== 'value_not_in_list') return true
  const names = namesOf(catalogue, classType, input) ?? ['']
  return names.length > 0 && !names.some(isFileName)
}

/** Whether code of a custom node may take a name that is not in the list of the input. */
export function mayTakeName(catalogue: NodeCatalogue, classType: string, input: string): boolean {
  return mayTake(catalogue, classType, 'value_not_in_list', input)
}

/** Whether ComfyUI may run all of a prompt, as far as its definitions tell. */
export function mayRun(prompt: Prompt, catalogue: NodeCatalogue): boolean {
  const verdict = lenientVerdict(prompt, catalogue)
  if (verdict.kind === 'crash') return false
  if (isLeftToClasses(verdict.nodeErrors, catalogue)) return true
  return verdict.kind === 'accepted' && Object.keys(verdict.nodeErrors).length === 0
}
