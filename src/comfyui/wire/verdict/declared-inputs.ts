import { inputOptions, inputSpecSchema, inputType, type InputSpec, type NodeDefinition } from '../object-info.ts'
import { isRecord } from '../../../lib/json-record.ts'

export interface DeclaredInput {
  /** The key in the prompt, dotted for inputs inside of dynamic ones. */
  name: string
  spec: InputSpec
  required: boolean
}

type Inputs = Readonly<Record<string, unknown>>

/** The inputs that a node declares for the values it has; dynamic inputs are expanded when `expands`. */
export function declaredInputs(definition: NodeDefinition, values: Inputs, expands: boolean): DeclaredInput[] {
  const declared: DeclaredInput[] = []
  addGroups(declared, definition.input, '', values, expands)
  return declared
}

function addGroups(to: DeclaredInput[], groups: unknown, prefix: string, values: Inputs, expands: boolean): void {
  if (!isRecord(groups)) return
  for (const group of ['required', 'optional']) {
    const specs = groups[group]
    if (!isRecord(specs)) continue
    for (const [name, spec] of Object.entries(specs)) {
      const parsed = inputSpecSchema.safeParse(spec)
      if (parsed.success) addInput(to, prefix + name, parsed.data, group === 'required', values, expands)
    }
  }
}

function addInput(
  to: DeclaredInput[],
  name: string,
  spec: InputSpec,
  required: boolean,
  values: Inputs,
  expands: boolean,
): void {
  switch (expands ? inputType(spec) : '') {
    case 'COMFY_DYNAMICCOMBO_V3': {
      const chosen = chosenOption(spec, values[name])
      if (chosen === undefined) return
      to.push({ name, spec, required })
      addGroups(to, chosen, `${name}.`, values, expands)
      return
    }
    case 'COMFY_AUTOGROW_V3':
      addGrown(to, name, spec, required, values, expands)
      return
    case 'COMFY_DYNAMICSLOT_V3':
      if (!(name in values)) return
      to.push({ name, spec, required })
      addGroups(to, inputOptions(spec)['inputs'], `${name}.`, values, expands)
      return
    default:
      to.push({ name, spec, required })
  }
}

function chosenOption(spec: InputSpec, value: unknown): unknown {
  const options = inputOptions(spec)['options']
  if (!Array.isArray(options)) return undefined
  const chosen: unknown = options.find((option: unknown) => isRecord(option) && option['key'] === value)
  return isRecord(chosen) ? chosen['inputs'] : undefined
}

function addGrown(
  to: DeclaredInput[],
  name: string,
  spec: InputSpec,
  required: boolean,
  values: Inputs,
  expands: boolean,
): void {
  const template = inputOptions(spec)['template']
  if (!isRecord(template) || !isRecord(template['input'])) return
  const { required: needed, optional } = template['input']
  const fromNeeded = isRecord(needed) && Object.keys(needed).length > 0
  const source = fromNeeded ? needed : optional
  const parsed = inputSpecSchema.safeParse(isRecord(source) ? Object.values(source)[0] : undefined)
  if (!parsed.success) return
  const min = typeof template['min'] === 'number' ? template['min'] : 0
  for (const [index, grown] of grownNames(template).entries()) {
    addInput(to, `${name}.${grown}`, parsed.data, required && fromNeeded && index < min, values, expands)
  }
}

function grownNames(template: Record<string, unknown>): string[] {
  const { names, prefix, max } = template
  if (Array.isArray(names)) return names.filter((name) => typeof name === 'string')
  const count = typeof max === 'number' ? max : 0
  return Array.from({ length: count }, (_, index) => `${typeof prefix === 'string' ? prefix : ''}${index}`)
}
