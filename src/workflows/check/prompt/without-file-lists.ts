import { modelFolder } from '../../../comfyui/wire/model-folders.ts'
import {
  inputChoices,
  inputOptions,
  type InputSpec,
  type NodeDefinition,
  type NodeLookup,
} from '../../../comfyui/wire/object-info.ts'
import { isRecord } from '../../../lib/json-record.ts'

const fileName = 'FILE_NAME'
const comboWithoutList = 'COMBO,COMBO'

/** Whether an input takes the name of a file of which there is no list. */
export function isFileName(type: unknown): boolean {
  return type === fileName || type === comboWithoutList
}

const lenient = new WeakMap<NodeDefinition, NodeDefinition>()

/** The same classes, and every name of a model or file is good for them: for tables whose lists of files are empty. */
export function withoutFileLists(lookUp: NodeLookup): NodeLookup {
  return (classType) => {
    const definition = lookUp(classType)
    if (definition === undefined) return undefined
    let known = lenient.get(definition)
    if (known === undefined) {
      const input = withoutLists(classType, '', definition.input)
      known = { ...definition, input: { ...definition.input, ...input } }
      lenient.set(definition, known)
    }
    return known
  }
}

type Groups = Record<string, Record<string, InputSpec>>

function withoutLists(classType: string, prefix: string, groups: unknown): Groups {
  const result: Groups = {}
  if (!isRecord(groups)) return result
  for (const group of ['required', 'optional']) {
    const specs = groups[group]
    if (!isRecord(specs)) continue
    result[group] = Object.fromEntries(
      Object.entries(specs).flatMap(([name, spec]): [string, InputSpec][] =>
        Array.isArray(spec) ? [[name, withoutList(classType, prefix + name, spec)]] : [],
      ),
    )
  }
  return result
}

function withoutList(classType: string, name: string, spec: InputSpec): InputSpec {
  const options = inputOptions(spec)
  if (spec[0] === 'COMFY_DYNAMICCOMBO_V3' && Array.isArray(options['options'])) {
    const inner = options['options'].map((option: unknown) =>
      isRecord(option) ? { ...option, inputs: withoutLists(classType, `${name}.`, option['inputs']) } : option,
    )
    return [spec[0], { ...options, options: inner }]
  }
  const { template } = options
  if (spec[0] === 'COMFY_AUTOGROW_V3' && isRecord(template)) {
    const input = withoutLists(classType, `${name}.`, template['input'])
    return [spec[0], { ...options, template: { ...template, input } }]
  }
  const choices = inputChoices(spec)
  const isOfFiles = choices !== undefined && (choices.length === 0 || modelFolder(classType, name) !== undefined)
  if (!isOfFiles) return spec
  // Types that have no choices, and go with the outputs that the type with choices goes with.
  return spec[0] === 'COMBO' ? [comboWithoutList, { ...options, options: undefined }] : [fileName, options]
}
