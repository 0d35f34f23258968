import fc from 'fast-check'
import { coreClassTypes, coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { inputChoices, inputOptions, type InputSpec } from '../../src/comfyui/wire/object-info.ts'
import type { Prompt } from '../../src/comfyui/wire/prompt.ts'
import { isRecord } from '../../src/lib/json-record.ts'
import { editorFile, type EditorInput, type EditorNode } from './editor-file.ts'

/*
 * Random graphs, each twice: as the prompt, and as the nodes that the editor would save for it. The order of saved
 * values is told by the simplest reading of the definitions, apart from the program's.
 */

export interface RandomGraph {
  readonly prompt: Prompt
  readonly nodes: readonly EditorNode[]
}

/** Widgets whose values a browser makes, or that have a place and a form of their own. */
const oddTypes = new Set(['LOAD_3D', 'WEBCAM', 'AUDIO_RECORD', 'IMAGECOMPARE', 'COMPOSITOR', 'CURVE', 'BOUNDING_BOX'])
const oddClasses = new Set(['CustomCombo', 'SaveGLB', 'Preview3D', 'LoadImageOutput', 'Painter'])
const plainWidgets = new Set(['INT', 'FLOAT', 'STRING', 'BOOLEAN', 'COMBO', 'COLOR', 'COLORS', 'BOUNDING_BOXES'])

const classTypes = coreClassTypes().filter((classType) => {
  if (oddClasses.has(classType)) return false
  const input = coreNode(classType)?.input
  const specs = [...Object.values(input?.required ?? {}), ...Object.values(input?.optional ?? {})]
  return !specs.some(([type]) => typeof type === 'string' && oddTypes.has(type))
})
const common = ['CLIPTextEncode', 'EmptyImage', 'ImageScaleBy', 'KSampler', 'LoadImage', 'PrimitiveInt', 'PreviewAny']

const nodeArbitrary = fc.record({
  classType: fc.oneof(fc.constantFrom(...common), fc.constantFrom(...classTypes)),
  /** What decides about inputs, one after the other. */
  choices: fc.array(fc.nat(1000), { minLength: 5, maxLength: 30 }),
  title: fc.option(fc.string({ minLength: 1, maxLength: 8 }), { nil: undefined }),
})

export const graphArbitrary: fc.Arbitrary<RandomGraph> = fc
  .array(nodeArbitrary, { minLength: 1, maxLength: 12 })
  .map((nodes) => {
    const made: MadeNode[] = []
    for (const [index, { classType, choices, title }] of nodes.entries()) {
      made.push(makeNode({ id: index + 1, classType, choices, title, before: made }))
    }
    return {
      prompt: Object.fromEntries(made.map(({ node, inputs }) => [String(node.id), { class_type: node.type, inputs }])),
      nodes: made.map(({ node }) => node),
    }
  })

/** The whole file. */
export function fileOf(nodes: readonly EditorNode[]) {
  return editorFile(nodes, { lastNodeId: 1000 })
}

interface MadeNode {
  readonly node: EditorNode
  readonly inputs: Prompt[string]['inputs']
}

interface Plan {
  readonly id: number
  readonly classType: string
  readonly choices: readonly number[]
  readonly title: string | undefined
  readonly before: readonly MadeNode[]
}

function makeNode({ id, classType, choices, title, before }: Plan): MadeNode {
  const definition = coreNode(classType)
  if (definition === undefined) throw new Error(`${classType} is no class of ComfyUI`)
  let turn = 0
  const choose = (count: number): number => (choices[turn++ % choices.length] ?? 0) % count
  const values: unknown[] = []
  const inputs: Prompt[string]['inputs'] = {}
  const sockets: Record<string, EditorInput> = {}
  const buttons: string[] = []
  const groups = [definition.input.required ?? {}, definition.input.optional ?? {}]
  for (const [index, group] of groups.entries()) addGroup(group, '', index === 0)
  values.push(...buttons)
  const outputs = definition.output.map((type) => (typeof type === 'string' ? type : 'COMBO'))
  const node = { id, type: classType, ...(title !== undefined && { title }), values, inputs: sockets, outputs }
  return { node, inputs }

  function addGroup(group: Readonly<Record<string, InputSpec>>, prefix: string, isRequired: boolean): void {
    for (const [name, spec] of Object.entries(group)) addInput(`${prefix}${name}`, spec, isRequired)
  }

  function addInput(name: string, spec: InputSpec, isRequired: boolean): void {
    const options = inputOptions(spec)
    const type = typeof spec[0] === 'string' ? spec[0] : 'COMBO'
    const widget = typeof options['widgetType'] === 'string' ? options['widgetType'] : type
    if (type === 'COMFY_AUTOGROW_V3') return addRows(name, options['template'])
    if (options['forceInput'] === true || !(plainWidgets.has(widget) || widget === 'COMFY_DYNAMICCOMBO_V3')) {
      return addSocket(name, type, false)
    }
    if (widget === 'COMFY_DYNAMICCOMBO_V3') return addDynamic(name, options['options'])
    const value = valueOf(widget, spec)
    values.push(value)
    if (value !== undefined) inputs[name] = Array.isArray(value) ? { __value__: [] } : value
    const isSeed = widget === 'INT' && /^(noise_)?seed$/.test(name) && options['control_after_generate'] === undefined
    if (isSeed || Boolean(options['control_after_generate'])) values.push(choose(2) === 0 ? 'fixed' : 'randomize')
    if (isRequired && (options['image_upload'] === true || options['video_upload'] === true))
      buttons.splice(0, 1, 'image')
    if (options['socketless'] !== true && choose(4) === 0) addSocket(name, type, true)
  }

  function addDynamic(name: string, given: unknown): void {
    const options = Array.isArray(given) ? given.filter(isRecord) : []
    const option = options[choose(Math.max(options.length, 1))]
    const key = option?.['key']
    if (typeof key !== 'string') throw new Error(`${classType}.${name} has no options`)
    values.push(key)
    inputs[name] = key
    const brought = isRecord(option?.['inputs']) ? option['inputs'] : {}
    for (const group of [brought['required'], brought['optional']]) {
      for (const [inner, spec] of Object.entries(isRecord(group) ? group : {})) {
        if (Array.isArray(spec)) addInput(`${name}.${inner}`, spec, false)
      }
    }
  }

  function addRows(name: string, template: unknown): void {
    if (!isRecord(template) || !isRecord(template['input'])) throw new Error(`${classType}.${name} has no template`)
    const [[, spec] = ['', undefined]] = Object.entries(
      isRecord(template['input']['required']) ? template['input']['required'] : {},
    )
    const type: unknown = Array.isArray(spec) ? spec[0] : undefined
    const names = Array.isArray(template['names']) ? template['names'].map(String) : undefined
    if (typeof type !== 'string') return
    for (let row = 0; row < choose(4); row += 1) {
      const last = names === undefined ? `${String(template['prefix'])}${row}` : names[row]
      if (last !== undefined) addSocket(`${name}.${last}`, type, false)
    }
  }

  /** A link to some node before, if one has what is wanted. */
  function addSocket(name: string, type: string, isWidget: boolean): void {
    const wanted = new Set(type.split(','))
    const sources = before.flatMap(({ node }) =>
      (node.outputs ?? []).flatMap((output, slot) =>
        type === '*' || wanted.has(output) ? [[node.id, slot] as const] : [],
      ),
    )
    const from = sources[choose(Math.max(sources.length, 1))]
    if (from === undefined) return
    sockets[name] = { from, type, isWidget }
    inputs[name] = [String(from[0]), from[1]]
  }

  function valueOf(widget: string, spec: InputSpec): null | boolean | number | string | [] | undefined {
    switch (widget) {
      case 'INT':
        return choose(1000)
      case 'FLOAT':
        return choose(1000) / 8
      case 'BOOLEAN':
        return choose(2) === 0
      case 'COMBO': {
        const choices = inputChoices(spec) ?? []
        const choice = choices[choose(Math.max(choices.length, 1))] ?? 'some file.safetensors'
        return typeof choice === 'string' || typeof choice === 'number' ? choice : 'none'
      }
      case 'COLORS':
      case 'BOUNDING_BOXES':
        return []
      default:
        return ['', 'a fox', 'fixed', '12', 'C:\\x {a|b} // c', '山水'][choose(6)]
    }
  }
}
