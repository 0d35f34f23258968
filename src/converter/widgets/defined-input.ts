import {
  inputChoices,
  inputOptions,
  inputType,
  type InputSpec,
  type NodeDefinition,
} from '../../comfyui/wire/object-info.ts'
import { isRecord } from '../../lib/json-record.ts'

/** An input of a node class, or of the selected option of a dynamic input. */
export interface DefinedInput {
  /** With the names of the dynamic inputs around it: `model.ratio`. */
  readonly name: string
  readonly spec: InputSpec
  readonly isRequired: boolean
}

/** The types for which the editor shows a widget. Every other type is a socket. */
const widgetTypes: ReadonlySet<string> = new Set([
  'INT',
  'FLOAT',
  'STRING',
  'BOOLEAN',
  'COMBO',
  'COLOR',
  'COLORS',
  'MARKDOWN',
  'TEXTAREA',
  'IMAGEUPLOAD',
  'IMAGECOMPARE',
  'BOUNDING_BOX',
  'BOUNDING_BOXES',
  'CHART',
  'GALLERIA',
  'PAINTER',
  'CURVE',
  'RANGE',
  'COMFY_DYNAMICCOMBO_V3',
  'AUDIO_UI',
  'AUDIOUPLOAD',
  'AUDIO_RECORD',
  'WEBCAM',
  'LOAD_3D',
  'PREVIEW_3D',
  'COMPOSITOR',
  'VIDEO_EDIT',
])

export const dynamicCombo = 'COMFY_DYNAMICCOMBO_V3'
export const dynamicSlot = 'COMFY_DYNAMICSLOT_V3'
export const autogrow = 'COMFY_AUTOGROW_V3'
export const matchType = 'COMFY_MATCHTYPE_V3'

/** The inputs of a class in the order in which the editor builds them. Hidden inputs are none. */
export function definedInputs(definition: NodeDefinition): DefinedInput[] {
  const { input_order: order } = definition
  return inputsOfGroups(definition.input, isRecord(order) ? order : {})
}

/** The inputs of one option of a dynamic input, or of the template of a growing one. */
export function nestedInputs(groups: unknown, prefix: string): DefinedInput[] {
  if (!isRecord(groups)) return []
  return inputsOfGroups(groups, {}).map((input) => ({ ...input, name: `${prefix}.${input.name}` }))
}

function inputsOfGroups(
  groups: Readonly<Record<string, unknown>>,
  order: Readonly<Record<string, unknown>>,
): DefinedInput[] {
  const inputs = new Map<string, DefinedInput>()
  const specs = { required: groups['required'], optional: groups['optional'] }
  const add = (name: string, preferred: 'required' | 'optional'): void => {
    for (const group of preferred === 'required'
      ? (['required', 'optional'] as const)
      : (['optional', 'required'] as const)) {
      const spec = isRecord(specs[group]) ? specs[group][name] : undefined
      if (Array.isArray(spec) && !inputs.has(name)) inputs.set(name, { name, spec, isRequired: group === 'required' })
    }
  }
  for (const group of ['required', 'optional'] as const) {
    const names = order[group]
    if (Array.isArray(names)) for (const name of names) if (typeof name === 'string') add(name, group)
  }
  for (const group of ['required', 'optional'] as const) {
    if (isRecord(specs[group])) for (const name of Object.keys(specs[group])) add(name, group)
  }
  return [...inputs.values()]
}

/** Name of the type by which the editor picks a widget; lists of choices are `COMBO`. */
export function widgetType({ spec }: DefinedInput): string {
  const { widgetType: named } = inputOptions(spec)
  if (typeof named === 'string') return named
  const type = inputType(spec)
  return typeof type === 'string' ? type : 'COMBO'
}

/** Name of the type that links to the input are compared with. */
export function socketType({ spec }: DefinedInput): string {
  const type = inputType(spec)
  return typeof type === 'string' ? type : 'COMBO'
}

/** Whether the editor shows a widget for the input, which then has a place among the saved values. */
export function hasWidget(input: DefinedInput): boolean {
  return !isForcedSocket(input) && widgetTypes.has(widgetType(input))
}

/** Whether a widget was turned into a socket by its definition. */
export function isForcedSocket({ spec, isRequired }: DefinedInput): boolean {
  const options = inputOptions(spec)
  return isTruthy(options['forceInput']) || (!isRequired && isTruthy(options['defaultInput']))
}

export function option({ spec }: DefinedInput, name: string): unknown {
  return inputOptions(spec)[name]
}

export function hasOption(input: DefinedInput, name: string): boolean {
  return isTruthy(option(input, name))
}

/** The choices of a combo. Those of a server's route are not known. */
export function choicesOf({ spec }: DefinedInput): readonly unknown[] {
  return inputChoices(spec) ?? listOption(spec)
}

function listOption(spec: InputSpec): readonly unknown[] {
  const { options } = inputOptions(spec)
  return Array.isArray(options) ? options : []
}

/** The inputs that the selected option of a dynamic combo brings; undefined when there is no such option. */
export function inputsOfOption(input: DefinedInput, key: unknown): DefinedInput[] | undefined {
  const found = choicesOf(input).find((each) => isRecord(each) && each['key'] === key)
  return isRecord(found) ? nestedInputs(found['inputs'], input.name) : undefined
}

function isTruthy(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== ''
}
