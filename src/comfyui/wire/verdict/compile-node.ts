import { inputChoices, inputOptions, inputType, type InputSpec, type NodeDefinition } from '../object-info.ts'
import { exactLimit } from '../python-json.ts'
import { isRecord } from '../../../lib/json-record.ts'
import { choiceList, type ChoiceList } from './choice-list.ts'
import { isTruthy } from './convert-value.ts'
import { linkType, type LinkType } from './type-match.ts'

/** An input of a class, ready to be asked about many values. */
export interface DeclaredInput {
  /** The key in the prompt, dotted for inputs inside of dynamic ones. */
  readonly name: string
  readonly spec: InputSpec
  readonly required: boolean
  readonly type: LinkType
  readonly min: number | bigint | undefined
  readonly max: number | bigint | undefined
  readonly choices: ChoiceList | undefined
  /** Takes a list of choices as well as one of them. */
  readonly takesMany: boolean
  /** Offers uploads: a file that exists is as good as one of the choices, as far as can be seen from outside. */
  readonly takesUploads: boolean
  /** What it stands for in releases that know such inputs. */
  readonly dynamic: DynamicInput | undefined
}

export type DynamicInput =
  /** Declares itself, and the inputs of the option whose key is its value. */
  | { readonly kind: 'combo'; readonly options: ReadonlyMap<unknown, readonly DeclaredInput[]> }
  /** Declares others instead of itself. */
  | { readonly kind: 'autogrow'; readonly inputs: readonly DeclaredInput[] }
  /** Declares itself and others, where it has a value. */
  | { readonly kind: 'slot'; readonly inputs: readonly DeclaredInput[] }

/** A definition, ready to be asked about many nodes. */
export interface CompiledNode {
  readonly inputs: readonly DeclaredInput[]
  readonly hasDynamicInputs: boolean
  readonly outputs: readonly LinkType[]
  readonly isOutput: boolean
  /** What it takes and gives is not known. */
  readonly isUnreadable: boolean
}

const compiled = new WeakMap<NodeDefinition, CompiledNode>()

/** Compiled at the first call; a definition must not change after it. */
export function compileNode(definition: NodeDefinition): CompiledNode {
  const known = compiled.get(definition)
  if (known !== undefined) return known
  const isUnreadable = definition.unreadable === true
  const inputs = isUnreadable ? [] : compileGroups(definition.input, '', isOwnFile(definition))
  const node = {
    inputs,
    hasDynamicInputs: inputs.some(({ dynamic }) => dynamic !== undefined),
    outputs: isUnreadable ? [] : definition.output.map(linkType),
    isOutput: definition.output_node === true,
    isUnreadable,
  }
  compiled.set(definition, node)
  return node
}

/** Of ComfyUI itself: whether it checks files is known, see `nodeValidator`. */
function isOwnFile({ python_module: module }: NodeDefinition): boolean {
  return typeof module === 'string' && /^(?:nodes$|comfy_extras\.|comfy_api_nodes\.)/.test(module)
}

function compileGroups(groups: unknown, prefix: string, isCore: boolean): DeclaredInput[] {
  if (!isRecord(groups)) return []
  const inputs = new Map<string, DeclaredInput>()
  for (const group of ['required', 'optional']) {
    const specs = groups[group]
    if (!isRecord(specs)) continue
    for (const [key, spec] of Object.entries(specs)) {
      const name = prefix + key
      if (!Array.isArray(spec) || inputs.has(name)) continue
      inputs.set(name, compileInput(name, spec, group === 'required', isCore))
    }
  }
  return [...inputs.values()]
}

const uploadFlags = ['image_upload', 'audio_upload', 'video_upload', 'file_upload']

function compileInput(name: string, spec: InputSpec, required: boolean, isCore: boolean): DeclaredInput {
  const options = inputOptions(spec)
  const choices = inputChoices(spec)
  return {
    name,
    spec,
    required,
    type: linkType(inputType(spec)),
    min: limit(options['min']),
    max: limit(options['max']),
    choices: choices === undefined ? undefined : choiceList(choices),
    takesMany: isTruthy(options['multiselect']),
    takesUploads: !isCore && uploadFlags.some((flag) => options[flag] === true),
    dynamic: compileDynamic(name, spec, required, isCore),
  }
}

function limit(value: unknown): number | bigint | undefined {
  if (typeof value === 'bigint') return value
  return typeof value === 'number' ? exactLimit(value) : undefined
}

function compileDynamic(name: string, spec: InputSpec, required: boolean, isCore: boolean): DynamicInput | undefined {
  const options = inputOptions(spec)
  switch (inputType(spec)) {
    case 'COMFY_DYNAMICCOMBO_V3':
      return { kind: 'combo', options: compileOptions(name, options['options'], isCore) }
    case 'COMFY_AUTOGROW_V3':
      return { kind: 'autogrow', inputs: compileGrown(name, options['template'], required, isCore) }
    case 'COMFY_DYNAMICSLOT_V3':
      return { kind: 'slot', inputs: compileGroups(options['inputs'], `${name}.`, isCore) }
    default:
      return undefined
  }
}

function compileOptions(name: string, options: unknown, isCore: boolean): Map<unknown, readonly DeclaredInput[]> {
  const byKey = new Map<unknown, readonly DeclaredInput[]>()
  for (const option of Array.isArray(options) ? options.filter(isRecord) : []) {
    const key = option['key']
    if (!byKey.has(key)) byKey.set(key, compileGroups(option['inputs'], `${name}.`, isCore))
  }
  return byKey
}

function compileGrown(name: string, template: unknown, required: boolean, isCore: boolean): DeclaredInput[] {
  if (!isRecord(template) || !isRecord(template['input'])) return []
  const { required: needed, optional } = template['input']
  const fromNeeded = isRecord(needed) && Object.keys(needed).length > 0
  const source = fromNeeded ? needed : optional
  const spec: unknown = isRecord(source) ? Object.values(source)[0] : undefined
  if (!Array.isArray(spec)) return []
  const min = typeof template['min'] === 'number' ? template['min'] : 0
  return grownNames(template).map((grown, index) =>
    compileInput(`${name}.${grown}`, spec, required && fromNeeded && index < min, isCore),
  )
}

/** The server itself grows no further. */
const maxGrown = 100

function grownNames(template: Readonly<Record<string, unknown>>): string[] {
  const { names, prefix, max } = template
  if (Array.isArray(names)) return names.filter((name) => typeof name === 'string')
  const length = typeof max === 'number' ? Math.min(max, maxGrown) : 0
  return Array.from({ length }, (_, index) => `${typeof prefix === 'string' ? prefix : ''}${index}`)
}
