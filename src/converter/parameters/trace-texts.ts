import { inputType } from '../../comfyui/wire/object-info.ts'
import { promptTexts } from './input-tables.ts'
import { linkOf, type GraphNode, type PromptGraph } from './prompt-graph.ts'

/** As what a text reaches the samplers. */
export interface TextUse {
  readonly positive: boolean
  readonly negative: boolean
}

type Role = 'positive' | 'negative'

/** Inputs of samplers and guiders by which texts come, and as what. */
const entries: Readonly<Record<string, Role>> = {
  positive: 'positive',
  cond1: 'positive',
  negative: 'negative',
  conditioning: 'positive',
}

/** Inputs of nodes that make a text of others. */
const textNames = /^(value|text|string|prompt|string_[a-z]|text_?[a-z0-9]|prompt_?[a-z0-9]?|positive|negative)$/

/** `node id\0input` of every literal text that reaches a sampler → as what, told by following the links back. */
export function traceTexts(graph: PromptGraph): ReadonlyMap<string, TextUse> {
  const found = new Map<string, TextUse>()
  const seen = new Set<string>()
  for (const node of graph.nodes) {
    if (!isSampler(node)) continue
    for (const [input, role] of Object.entries(entries)) followConditioning(node.inputs.get(input), role)
  }
  // Where nothing tells the second one of two prompts apart, it is neither.
  for (const node of graph.nodes) {
    if (node.classType === 'DualCFGGuider') followUnreached(node)
  }
  return found

  function followUnreached(node: GraphNode): void {
    const known = new Set(found.keys())
    const before = new Map(found)
    followConditioning(node.inputs.get('cond2'), 'positive')
    for (const [key, use] of found) {
      if (known.has(key)) found.set(key, before.get(key) ?? use)
    }
  }

  function followConditioning(value: Parameters<typeof linkOf>[0], role: Role): void {
    const link = linkOf(value)
    if (link === undefined || isVisited(link.id, link.slot, role)) return
    const node = graph.get(link.id)
    if (node === undefined || node.classType === 'ConditioningZeroOut') return
    if (node.inputs.has('positive') && node.inputs.has('negative')) {
      const side = sideOf(node, link.slot)
      if (side !== undefined) followConditioning(node.inputs.get(side), role)
      return
    }
    const texts = [...node.inputs.keys()].filter((input) => isPromptText(node, input))
    for (const input of texts) followText(node, input, role)
    if (texts.length > 0) return
    for (const [input, inner] of node.inputs) if (carriesConditioning(node, input)) followConditioning(inner, role)
  }

  function followText(node: GraphNode, input: string, role: Role): void {
    const value = node.inputs.get(input)
    const link = linkOf(value)
    if (link === undefined) {
      if (typeof value === 'string') mark(node.id, input, role)
      return
    }
    if (isVisited(link.id, link.slot, role)) return
    const source = graph.get(link.id)
    if (source === undefined) return
    for (const [name, inner] of source.inputs) {
      const carries = linkOf(inner) === undefined ? textNames.test(name) : carriesText(source, name)
      if (carries) followText(source, name, role)
    }
  }

  function mark(id: string, input: string, role: Role): void {
    const key = textKey(id, input)
    const known = found.get(key) ?? { positive: false, negative: false }
    found.set(key, { ...known, [role]: true })
  }

  function isVisited(id: string, slot: number, role: Role): boolean {
    const key = `${id}\0${slot}\0${role}`
    if (seen.has(key)) return true
    seen.add(key)
    return false
  }
}

export function textKey(id: string, input: string): string {
  return `${id}\0${input}`
}

/** A text that a model is conditioned by: one of the table, or what other packs call so. */
export function isPromptText(node: GraphNode, input: string): boolean {
  if (promptTexts.has(`${node.classType}.${input}`)) return true
  if (!makesConditioning(node)) return false
  const spec = node.specs.get(input)
  if (spec !== undefined && inputType(spec) !== 'STRING') return false
  return (
    /^(prompt|negative_prompt|text|text_\w|positive|negative|tags|lyrics)$/.test(input) &&
    !carriesConditioning(node, input)
  )
}

function makesConditioning(node: GraphNode): boolean {
  if (node.definition === undefined) return node.classType.includes('TextEncode')
  return node.definition.output.includes('CONDITIONING')
}

/** Takes conditioning and makes none: here it is used. */
function isSampler(node: GraphNode): boolean {
  if (node.definition === undefined) return /sampler|guider/i.test(node.classType)
  return !node.definition.output.includes('CONDITIONING') && !node.definition.output.includes('COMFY_MATCHTYPE_V3')
}

/** Which of a pair an output continues: its name says so, else its place. */
function sideOf(node: GraphNode, slot: number): Role | undefined {
  const name = node.definition?.output_name?.[slot]
  if (name === 'positive' || name === 'negative') return name
  if (node.definition !== undefined && node.definition.output[slot] !== 'CONDITIONING') return undefined
  return slot === 0 ? 'positive' : slot === 1 ? 'negative' : undefined
}

function carriesConditioning(node: GraphNode, input: string): boolean {
  const spec = node.specs.get(input)
  if (spec === undefined) return /cond|positive|negative/i.test(input)
  const type = inputType(spec)
  return typeof type === 'string' && /CONDITIONING|^\*$|MATCHTYPE/.test(type)
}

function carriesText(node: GraphNode, input: string): boolean {
  const spec = node.specs.get(input)
  if (spec === undefined) return true
  const type = inputType(spec)
  return typeof type === 'string' && /STRING|^\*$|MATCHTYPE/.test(type)
}
