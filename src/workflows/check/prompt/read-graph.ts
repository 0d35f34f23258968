import type { NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import type { NodeDefinition, NodeLookup } from '../../../comfyui/wire/object-info.ts'
import { isRecord } from '../../../lib/json-record.ts'
import type { LinkedNode } from '../../graph/graph-rules.ts'
import type { CheckProblem } from '../check-problem.ts'
import { nearestClass } from './nearest-class.ts'
import { shown } from '../words.ts'

/** A graph whose nodes can all be looked at. */
export interface ReadGraph {
  readonly nodes: Readonly<Record<string, LinkedNode>>
  /** Knows the classes of the catalogue, and stands in for those that are not there: nothing is known of these. */
  readonly lookUp: NodeLookup
  /** The same graph without what stops ComfyUI before it looks at any input. Undefined when there is nothing like that. */
  readonly repaired: Readonly<Record<string, unknown>> | undefined
  readonly problems: readonly CheckProblem[]
}

const unknownClass: NodeDefinition = { input: {}, output: [], output_node: true, unreadable: true }

/** Reads what is to be a graph node by node, and says which of them stop ComfyUI before it looks at their inputs. */
export function readGraph(prompt: unknown, catalogue: NodeCatalogue): ReadGraph {
  const lookUp: NodeLookup = (classType) => catalogue.lookUp(classType) ?? unknownClass
  const nothing = { nodes: {}, lookUp, repaired: undefined }
  if (!isRecord(prompt)) {
    const message = `The graph is ${kindOf(prompt)}, not an object of nodes.`
    return { ...nothing, problems: [refused('invalid_graph', message, 'Export the workflow in API format.')] }
  }
  if (Array.isArray(prompt['nodes']) && Array.isArray(prompt['links'])) {
    const message = 'The graph is in the format of the editor, which ComfyUI does not run.'
    return { ...nothing, problems: [refused('editor_format', message, 'Export it in API format, or convert it.')] }
  }
  const entries = Object.entries(prompt)
  if (entries.length === 0) return { ...nothing, problems: [refused('no_nodes', 'The graph has no nodes.')] }

  const nodes: [string, LinkedNode][] = []
  const repaired: [string, unknown][] = []
  const problems: CheckProblem[] = []
  let isRepaired = false
  for (const [id, value] of entries) {
    const { node, problem } = readNode(id, value, catalogue)
    nodes.push([id, node])
    if (problem !== undefined) problems.push(problem)
    const stops = problem !== undefined && problem.code !== 'missing_inputs'
    isRepaired ||= stops
    const isOdd = problem?.code === 'invalid_inputs'
    repaired.push([id, isOdd ? { ...node, class_type: '' } : stops ? node : value])
  }
  return {
    nodes: Object.fromEntries(nodes),
    lookUp,
    repaired: isRepaired ? Object.fromEntries(repaired) : undefined,
    problems,
  }
}

function readNode(id: string, value: unknown, catalogue: NodeCatalogue): { node: LinkedNode; problem?: CheckProblem } {
  if (!isRecord(value)) {
    const node = { class_type: '', inputs: {} }
    return { node, problem: { ...refused('invalid_node', `It is ${kindOf(value)}, not an object.`), node: id } }
  }
  const { class_type: classType, inputs } = value
  if (typeof classType !== 'string' || catalogue.lookUp(classType) === undefined) {
    const node = { class_type: typeof classType === 'string' ? classType : '', inputs: isRecord(inputs) ? inputs : {} }
    return { node, problem: { ...withoutClass(id, value, catalogue), node: id } }
  }
  if (isRecord(inputs)) return { node: { class_type: classType, inputs } }
  const node = { class_type: classType, inputs: {} }
  const fix = 'Write "inputs": {}.'
  if (inputs === undefined) {
    const message = 'It has no `inputs`: ComfyUI accepts that, and its worker ends for ever.'
    return {
      node,
      problem: { severity: 'error', kind: 'fatal', code: 'missing_inputs', node: id, classType, message, fix },
    }
  }
  const kind = catalogue.rules.namesMissingNode ? 'refused' : 'fatal'
  const message = `Its \`inputs\` are ${kindOf(inputs)}, not an object.`
  return { node, problem: { severity: 'error', kind, code: 'invalid_inputs', node: id, classType, message, fix } }
}

function withoutClass(id: string, value: Record<string, unknown>, catalogue: NodeCatalogue): CheckProblem {
  const { class_type: classType } = value
  const code = catalogue.rules.namesMissingNode ? 'missing_node_type' : 'invalid_prompt'
  if (typeof classType === 'string' && classType !== '') {
    const near = nearestClass(classType, catalogue)
    const guess = near === undefined ? '' : `Did you mean ${near}? Otherwise `
    if (!catalogue.knowsFiles) {
      const message = `${shown(classType)} is none of ${catalogue.source}: it is taken for a custom node, and not looked at.`
      const fix = `${guess}check it against a ComfyUI that has it.`
      return { severity: 'warning', kind: 'refused', code: 'unknown_class', classType, message, fix: sentence(fix) }
    }
    const message = `There is no node class ${shown(classType)} (asked: ${catalogue.source}).`
    return { ...refused(code, message, sentence(`${guess}install the custom nodes that have it.`)), classType }
  }
  if (id === 'prompt' && Object.values(value).some((inner) => isRecord(inner) && 'class_type' in inner)) {
    return refused(code, 'The graph lies inside of `prompt`.', 'Give what `prompt` holds, without it.')
  }
  const isObject = typeof classType === 'object' && classType !== null
  if (isObject) return refused('invalid_class_type', `Its \`class_type\` is ${kindOf(classType)}, not a text.`)
  const fix = 'Export it again where its custom nodes are installed, or write the name of its class there.'
  return refused(code, 'It has no `class_type`.', fix)
}

function refused(code: string, message: string, fix?: string): CheckProblem {
  return { severity: 'error', kind: 'refused', code, message, ...(fix !== undefined && { fix }) }
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value === 'string' ? 'text' : typeof value}`
}
