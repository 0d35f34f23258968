import { isDeepStrictEqual } from 'node:util'
import { isPromptLink, type Prompt, type PromptInput } from '../../../comfyui/wire/prompt.ts'

/** An input that is not the same in two graphs. */
export interface ChangedInput {
  readonly node: string
  readonly input: string
  /** Undefined where the input is not there. */
  readonly before: PromptInput | undefined
  readonly after: PromptInput | undefined
}

export interface GraphDifference {
  readonly inputs: readonly ChangedInput[]
  /** Nodes that only one of the graphs has, or that have another class. */
  readonly nodes: readonly string[]
  /** Whether more than values differ: nodes, links, or which inputs are there. */
  readonly isStructural: boolean
}

/** What differs between two graphs; undefined when nothing does. Titles do not count. */
export function graphDifference(
  before: Prompt,
  after: Prompt,
  isIgnored: (node: string, input: string) => boolean = () => false,
): GraphDifference | undefined {
  const inputs: ChangedInput[] = []
  const nodes: string[] = []
  for (const [id, node] of Object.entries(before)) {
    const other = Object.hasOwn(after, id) ? after[id] : undefined
    if (other?.class_type !== node.class_type) {
      nodes.push(id)
      continue
    }
    for (const name in node.inputs) compare(id, name, node.inputs[name], valueIn(other.inputs, name))
    for (const name in other.inputs) {
      if (!Object.hasOwn(node.inputs, name)) compare(id, name, undefined, other.inputs[name])
    }
  }
  for (const id of Object.keys(after)) if (!Object.hasOwn(before, id)) nodes.push(id)
  if (nodes.length === 0 && inputs.length === 0) return undefined
  return { inputs, nodes, isStructural: nodes.length > 0 || inputs.some(isStructural) }

  function compare(node: string, input: string, one: PromptInput | undefined, other: PromptInput | undefined): void {
    if (one === other || isIgnored(node, input)) return
    if (typeof one === 'object' && typeof other === 'object' && isDeepStrictEqual(one, other)) return
    inputs.push({ node, input, before: one, after: other })
  }
}

/** The form of a graph without its values: equal where two graphs differ in nothing structural. */
export function graphForm(prompt: Prompt): string {
  let form = ''
  for (const id of Object.keys(prompt).sort()) {
    const node = prompt[id]
    if (node === undefined) continue
    form += `\n${id}\t${node.class_type}`
    for (const name of Object.keys(node.inputs).sort()) {
      const value = node.inputs[name]
      form += isPromptLink(value) ? `\t${name}=${value[0]}:${value[1]}` : `\t${name}`
    }
  }
  return form
}

function isStructural({ before, after }: ChangedInput): boolean {
  return before === undefined || after === undefined || isPromptLink(before) || isPromptLink(after)
}

function valueIn(inputs: Readonly<Record<string, PromptInput>>, name: string): PromptInput | undefined {
  return Object.hasOwn(inputs, name) ? inputs[name] : undefined
}
