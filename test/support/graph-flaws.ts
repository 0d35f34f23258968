import {
  inputChoices,
  inputOptions,
  inputType,
  type InputSpec,
  type NodeLookup,
} from '../../src/comfyui/wire/object-info.ts'
import { isPromptLink, type Prompt, type PromptNode } from '../../src/comfyui/wire/prompt.ts'
import { validatePrompt } from '../../src/comfyui/wire/verdict/validate-prompt.ts'
import { promptRules } from '../../src/comfyui/wire/verdict/prompt-rules.ts'
import { checkGraph } from '../../src/workflows/graph/check-graph.ts'

export interface GraphFlawsOptions {
  readonly nodes: NodeLookup
  /** The nodes whose results are wanted: every other node must lead to one of them. */
  readonly outputs: readonly string[]
  /** Whether a file was uploaded. */
  readonly fileExists: (name: string) => boolean
}

/**
 * Everything that is wrong with a graph: what ComfyUI refuses, inputs that the classes do not declare and ComfyUI would
 * silently ignore, nodes that lead to none of the outputs, cycles. Empty when the graph is sound.
 */
export function graphFlaws(prompt: Prompt, { nodes, outputs, fileExists }: GraphFlawsOptions): readonly string[] {
  const flaws = Object.entries(prompt).flatMap(([id, node]) =>
    nodeFlaws(prompt, node, nodes).map((flaw) => `node ${id} (${node.class_type}): ${flaw}`),
  )
  for (const id of outputs) {
    if (nodes(prompt[id]?.class_type ?? '')?.output_node !== true) flaws.push(`node ${id} is no output`)
  }
  const needed = neededNodes(prompt, outputs)
  for (const id of Object.keys(prompt)) if (!needed.has(id)) flaws.push(`node ${id}: no output needs it`)
  try {
    checkGraph(prompt, nodes)
  } catch (error) {
    flaws.push(String(error))
  }
  return [...flaws, ...refusals(prompt, nodes, fileExists)]
}

/** What the server would say, which accepts a prompt when one of its outputs is good. */
function refusals(prompt: Prompt, nodes: NodeLookup, fileExists: (name: string) => boolean): readonly string[] {
  const verdict = validatePrompt(structuredClone(prompt), undefined, {
    nodes,
    rules: promptRules('0.33.0'),
    fileExists,
  })
  if (verdict.kind === 'crash') return ['ComfyUI fails']
  const errors = Object.entries(verdict.nodeErrors).flatMap(([id, node]) =>
    node.errors.map(({ type, details }) => `ComfyUI refuses node ${id} (${node.class_type}): ${type}: ${details}`),
  )
  if (errors.length > 0 || verdict.kind === 'accepted') return errors
  return [`ComfyUI refuses it: ${verdict.error.type}: ${verdict.error.message}`]
}

function nodeFlaws(prompt: Prompt, node: PromptNode, nodes: NodeLookup): readonly string[] {
  const definition = nodes(node.class_type)
  if (definition === undefined) return ['ComfyUI has no such class']
  const required = definition.input.required ?? {}
  const declared = { ...required, ...definition.input.optional }
  const flaws = Object.keys(required)
    .filter((name) => node.inputs[name] === undefined)
    .map((name) => `${name} is missing`)
  for (const [name, value] of Object.entries(node.inputs)) {
    const spec = declared[name]
    const flaw = spec === undefined ? 'there is no such input' : inputFlaw(prompt, nodes, spec, value)
    if (flaw !== undefined) flaws.push(`${name}: ${flaw}`)
  }
  return flaws
}

function inputFlaw(prompt: Prompt, nodes: NodeLookup, spec: InputSpec, value: unknown): string | undefined {
  const type = inputType(spec)
  if (isPromptLink(value)) {
    const source = prompt[value[0]]
    const output = source === undefined ? undefined : nodes(source.class_type)?.output[value[1]]
    if (output === undefined) return `links to ${value.join(':')}, which is not there`
    return output === type || type === '*' ? undefined : `takes ${JSON.stringify(type)}, gets ${JSON.stringify(output)}`
  }
  const choices = inputChoices(spec)
  if (choices !== undefined) {
    const isUpload = inputOptions(spec)['image_upload'] === true
    return isUpload || choices.includes(value) ? undefined : `${JSON.stringify(value)} is no choice`
  }
  switch (type) {
    case 'INT':
    case 'FLOAT':
      return numberFlaw(spec, value, type)
    case 'STRING':
      return typeof value === 'string' ? undefined : 'is no text'
    case 'BOOLEAN':
      return typeof value === 'boolean' ? undefined : 'is no boolean'
    default:
      return `takes a link to ${JSON.stringify(type)}`
  }
}

function numberFlaw(spec: InputSpec, value: unknown, type: 'INT' | 'FLOAT'): string | undefined {
  if (typeof value !== 'number' || (type === 'INT' && !Number.isInteger(value)))
    return `${JSON.stringify(value)} is no ${type}`
  const { min, max } = inputOptions(spec)
  if (typeof min === 'number' && value < min) return `${value} is below ${min}`
  if (typeof max === 'number' && value > max) return `${value} is above ${max}`
  return undefined
}

function neededNodes(prompt: Prompt, outputs: readonly string[]): ReadonlySet<string> {
  const needed = new Set<string>()
  const open = [...outputs]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (needed.has(id)) continue
    needed.add(id)
    for (const value of Object.values(prompt[id]?.inputs ?? {})) if (isPromptLink(value)) open.push(value[0])
  }
  return needed
}
