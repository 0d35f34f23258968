import { inputOptions, type NodeDefinition } from '../../comfyui/wire/object-info.ts'
import { isRecord } from '../../lib/json-record.ts'
import {
  autogrow,
  definedInputs,
  dynamicSlot,
  hasWidget,
  matchType,
  option,
  socketType,
  type DefinedInput,
} from '../widgets/defined-input.ts'
import type { WidgetPart } from '../widgets/widget.ts'
import type { UiInput, UiNode, UiSubgraph } from './ui-workflow.ts'

/** One input of a node, at the place where the editor has it. */
export interface NodeInput {
  readonly name: string
  readonly type: string
  /** Id of the link. */
  readonly link: string | undefined
  /** Whether it stands for the widget of the same name. */
  readonly isWidget: boolean
  /** Whether ComfyUI refuses the node without it. */
  readonly isRequired: boolean
  readonly label: string | undefined
}

/**
 * The inputs of a node in the order in which the editor builds them, which decides where a bypass goes on: sockets of
 * the definition, then sockets of widgets, then what the file has besides. Links come from the saved input of the same
 * name, as the slots in a file may be stale.
 */
export function inputsOfClass(node: UiNode, definition: NodeDefinition, parts: readonly WidgetPart[]): NodeInput[] {
  const saved = savedByName(node.inputs)
  const inputs: NodeInput[] = []
  for (const input of definedInputs(definition)) if (!hasWidget(input)) inputs.push(...socketsOf(input, saved))
  for (const part of parts) {
    if (part.kind === 'socket') inputs.push(...socketsOf(part.input, saved))
    else if (part.hasSocket) inputs.push(inputOf(part.input, saved, { isWidget: true }))
  }
  const known = new Set(inputs.map(({ name }) => name))
  const others = [...saved.values()].filter(({ name, widget }) => !known.has(name) && widget === undefined)
  return [...inputs, ...others.map(savedInput)]
}

/** The inputs of a node that only the editor knows, or whose class is unknown. */
export function savedInputs(node: UiNode): NodeInput[] {
  return node.inputs.map(savedInput)
}

/** The inputs of an instance: those of its subgraph, bound by name. Those of one name share one link. */
export function inputsOfHost(node: UiNode, subgraph: UiSubgraph): NodeInput[] {
  const saved = savedByName(node.inputs)
  return subgraph.inputs.map(({ name, type }) => ({
    name,
    type,
    link: saved.get(name)?.link,
    isWidget: false,
    isRequired: false,
    label: saved.get(name)?.label,
  }))
}

/** Types of the outputs by index; a matched type is what the file says. */
export function outputTypesOfClass(node: UiNode, definition: NodeDefinition): string[] {
  const { output_matchtypes: matched } = definition
  const types = definition.output.map((type, index) => {
    const isMatched = type === matchType || (Array.isArray(matched) && typeof matched[index] === 'string')
    if (isMatched) return node.outputs[index]?.type ?? '*'
    return typeof type === 'string' ? type : 'COMBO'
  })
  return [...types, ...node.outputs.slice(types.length).map(({ type }) => type)]
}

function savedByName(inputs: readonly UiInput[]): Map<string, UiInput> {
  const byName = new Map<string, UiInput>()
  for (const input of inputs) {
    if (byName.get(input.name)?.link === undefined) byName.set(input.name, input)
  }
  return byName
}

function savedInput({ name, type, link, widget, label }: UiInput): NodeInput {
  return { name, type, link, isWidget: widget !== undefined, isRequired: false, label }
}

function inputOf(
  input: DefinedInput,
  saved: ReadonlyMap<string, UiInput>,
  { isWidget }: { readonly isWidget: boolean },
): NodeInput {
  const { name, isRequired } = input
  const found = saved.get(name)
  return { name, type: linkType(input, found), link: found?.link, isWidget, isRequired, label: found?.label }
}

function linkType(input: DefinedInput, saved: UiInput | undefined): string {
  const type = socketType(input)
  if (type === matchType) return saved?.type ?? '*'
  if (type === dynamicSlot) {
    const slotType = option(input, 'slotType')
    return typeof slotType === 'string' ? slotType : '*'
  }
  return type
}

function socketsOf(input: DefinedInput, saved: ReadonlyMap<string, UiInput>): NodeInput[] {
  if (socketType(input) !== autogrow) return [inputOf(input, saved, { isWidget: false })]
  return growingRows(input, saved)
}

const mostRows = 100

/**
 * The rows of a growing input. The editor shows those saved, at least one more than required, and an empty one behind
 * the last with a link.
 */
function growingRows(input: DefinedInput, saved: ReadonlyMap<string, UiInput>): NodeInput[] {
  const { template } = inputOptions(input.spec)
  if (!isRecord(template) || !isRecord(template['input'])) return []
  const names = Array.isArray(template['names']) ? template['names'].map(String) : undefined
  const prefix = typeof template['prefix'] === 'string' ? template['prefix'] : ''
  const inner = definedInputs({ input: template['input'], output: [] })
  const fewest = typeof template['min'] === 'number' ? template['min'] : 0
  const most = names?.length ?? (typeof template['max'] === 'number' ? Math.min(template['max'], mostRows) : mostRows)
  const row = (ordinal: number): DefinedInput[] =>
    inner.map((each) => {
      const last = names?.[ordinal] ?? (inner.length === 1 ? `${prefix}${ordinal}` : `${each.name}${ordinal}`)
      return {
        ...each,
        name: `${input.name}.${last}`,
        isRequired: input.isRequired && each.isRequired && ordinal < fewest,
      }
    })
  let count = fewest + 1
  for (let ordinal = 0; ordinal < most; ordinal += 1) {
    for (const { name } of row(ordinal)) {
      const found = saved.get(name)
      if (found !== undefined) count = Math.max(count, ordinal + (found.link === undefined ? 1 : 2))
    }
  }
  return Array.from({ length: Math.min(count, most) }, (_, ordinal) => row(ordinal))
    .flat()
    .map((each) => inputOf(each, saved, { isWidget: false }))
}
