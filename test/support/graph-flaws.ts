import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import {
  inputChoices,
  inputOptions,
  inputType,
  type InputSpec,
  type NodeDefinition,
} from '../../src/comfyui/wire/object-info.ts'
import { isPromptLink, type Prompt, type PromptNode } from '../../src/comfyui/wire/prompt.ts'

/**
 * Everything that ComfyUI would refuse in a graph of core nodes, and what it would not run: nodes that no output needs.
 * Empty when the graph is sound. The table knows no model files, so names of
 * those are not checked.
 */
export function graphFlaws(prompt: Prompt): readonly string[] {
  const flaws = Object.entries(prompt).flatMap(([id, node]) =>
    nodeFlaws(prompt, node).map((flaw) => `node ${id} (${node.class_type}): ${flaw}`),
  )
  const needed = neededNodes(prompt)
  if (needed.size === 0) flaws.push('no node is an output')
  for (const id of Object.keys(prompt)) if (!needed.has(id)) flaws.push(`node ${id}: no output needs it`)
  return flaws
}

function nodeFlaws(prompt: Prompt, node: PromptNode): readonly string[] {
  const definition = coreNode(node.class_type)
  if (definition === undefined) return ['ComfyUI has no such class']
  const required = definition.input.required ?? {}
  const declared = { ...required, ...definition.input.optional }
  const flaws = Object.keys(required)
    .filter((name) => node.inputs[name] === undefined)
    .map((name) => `${name} is missing`)
  for (const [name, value] of Object.entries(node.inputs)) {
    const spec = declared[name]
    const flaw = spec === undefined ? 'there is no such input' : inputFlaw(prompt, spec, value, name)
    if (flaw !== undefined) flaws.push(`${name}: ${flaw}`)
  }
  return flaws
}

function inputFlaw(prompt: Prompt, spec: InputSpec, value: unknown, name: string): string | undefined {
  const type = inputType(spec)
  if (isPromptLink(value)) {
    const source = prompt[value[0]]
    const output = source === undefined ? undefined : definitionOf(source)?.output[value[1]]
    if (output === undefined) return `links to ${value.join(':')}, which is not there`
    return output === type || type === '*' ? undefined : `takes ${JSON.stringify(type)}, gets ${JSON.stringify(output)}`
  }
  const choices = inputChoices(spec)
  // The list of VAEs has an entry that is no file, so it is not empty.
  if (choices !== undefined) {
    return choices.length === 0 || choices.includes(value) || name === 'vae_name'
      ? undefined
      : `${JSON.stringify(value)} is no choice`
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

function neededNodes(prompt: Prompt): ReadonlySet<string> {
  const needed = new Set<string>()
  const open = Object.keys(prompt).filter((id) => {
    const node = prompt[id]
    return node !== undefined && definitionOf(node)?.output_node === true
  })
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (needed.has(id)) continue
    needed.add(id)
    for (const value of Object.values(prompt[id]?.inputs ?? {})) if (isPromptLink(value)) open.push(value[0])
  }
  return needed
}

function definitionOf(node: PromptNode): NodeDefinition | undefined {
  return coreNode(node.class_type)
}
