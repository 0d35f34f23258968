import type { NodeDefinition, NodeLookup } from '../../comfyui/wire/object-info.ts'
import type { UiNode, UiSubgraph, UiWorkflow } from './ui-workflow.ts'

/** What a node of the editor is to the prompt. */
export type NodeRole =
  /** A node that ComfyUI runs. */
  | { readonly kind: 'class'; readonly definition: NodeDefinition }
  /** An instance of a subgraph. */
  | { readonly kind: 'host'; readonly subgraph: UiSubgraph }
  /** Hands on what comes in. */
  | { readonly kind: 'reroute' }
  /** Writes its value into the widgets that it is linked to. */
  | { readonly kind: 'primitive' }
  /** Keeps what comes in under a name, and hands it on. */
  | { readonly kind: 'setter' }
  /** Hands on what a setter of the same name keeps. */
  | { readonly kind: 'getter' }
  /** Only to be seen, or acts on the modes of others, which are saved with them. */
  | { readonly kind: 'note' }
  /** Adds links when the browser queues the prompt. */
  | { readonly kind: 'broadcast' }
  /** No class of the definitions, without any input or output. */
  | { readonly kind: 'label' }
  | { readonly kind: 'unknown' }

const editorNodes: ReadonlyMap<
  string,
  Extract<NodeRole, { kind: 'reroute' | 'primitive' | 'setter' | 'getter' | 'note' | 'broadcast' }>
> = new Map([
  ['Reroute', { kind: 'reroute' }],
  ['Reroute (rgthree)', { kind: 'reroute' }],
  ['PrimitiveNode', { kind: 'primitive' }],
  ['SetNode', { kind: 'setter' }],
  ['GetNode', { kind: 'getter' }],
  ['easy setNode', { kind: 'setter' }],
  ['easy getNode', { kind: 'getter' }],
  ['Note', { kind: 'note' }],
  ['MarkdownNote', { kind: 'note' }],
  ['Bookmark (rgthree)', { kind: 'note' }],
  ['Label (rgthree)', { kind: 'note' }],
  ['Fast Muter (rgthree)', { kind: 'note' }],
  ['Fast Bypasser (rgthree)', { kind: 'note' }],
  ['Fast Groups Muter (rgthree)', { kind: 'note' }],
  ['Fast Groups Bypasser (rgthree)', { kind: 'note' }],
  ['Mute / Bypass Relay (rgthree)', { kind: 'note' }],
  ['Mute / Bypass Repeater (rgthree)', { kind: 'note' }],
  ['Fast Actions Button (rgthree)', { kind: 'note' }],
  ['Node Collector (rgthree)', { kind: 'note' }],
  ['Random Unmuter (rgthree)', { kind: 'note' }],
  ['Anything Everywhere', { kind: 'broadcast' }],
  ['Anything Everywhere?', { kind: 'broadcast' }],
  ['Anything Everywhere3', { kind: 'broadcast' }],
  ['Seed Everywhere', { kind: 'broadcast' }],
  ['Prompts Everywhere', { kind: 'broadcast' }],
])

/** A class that the server has is real, whatever its name: packs differ in what they leave to the browser. */
export function roleOf(node: UiNode, workflow: UiWorkflow, lookUp: NodeLookup): NodeRole {
  const subgraph = workflow.subgraphs.get(node.type)
  if (subgraph !== undefined) return { kind: 'host', subgraph }
  const definition = lookUp(node.type)
  if (definition !== undefined) return { kind: 'class', definition }
  const known = editorNodes.get(node.type)
  if (known !== undefined) return known
  const isBare = node.inputs.length === 0 && node.outputs.length === 0
  return isBare && !isGroupNode(node.type) && !isSubgraphId(node.type) ? { kind: 'label' } : { kind: 'unknown' }
}

/** Type of a node made by the group nodes of old versions, whose graph is kept elsewhere in the file. */
export function isGroupNode(type: string): boolean {
  return /^workflow[>/]/.test(type)
}

/** Types of instances are ids of subgraphs, which are UUIDs. */
export function isSubgraphId(type: string): boolean {
  return /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i.test(type)
}
