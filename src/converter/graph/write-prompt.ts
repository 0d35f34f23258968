import {
  isPromptLink,
  promptInputSchema,
  type Prompt,
  type PromptInput,
  type PromptNode,
} from '../../comfyui/wire/prompt.ts'
import { widgetType } from '../widgets/defined-input.ts'
import type { Widget } from '../widgets/widget.ts'
import type { LinkResolver } from './resolve-links.ts'
import { isActive, type PlacedNode } from './walk-nodes.ts'

/**
 * Writes the nodes that ComfyUI runs. Nodes of the editor, instances of subgraphs, and muted and bypassed nodes are
 * left out, and links to nodes that are not in the prompt.
 */
export function writePrompt(places: readonly PlacedNode[], resolver: LinkResolver): Prompt {
  const written = new Map(
    places
      .filter(({ node }) => node.role.kind === 'class' && isActive(node))
      .map((place) => [place.id, { node: place.node, inputs: writeInputs(place, resolver) }]),
  )
  return Object.fromEntries(
    [...written].map(([id, { node, inputs }]): [string, PromptNode] => {
      const kept = [...inputs].filter(([, value]) => !isPromptLink(value) || written.has(value[0]))
      return [id, { inputs: Object.fromEntries(kept), class_type: node.ui.type, _meta: { title: titleOf(node) } }]
    }),
  )
}

/** Widgets first, then links; a widget with a link keeps its place. */
function writeInputs({ node, scope }: PlacedNode, resolver: LinkResolver): Map<string, PromptInput> {
  const inputs = new Map<string, PromptInput>()
  for (const widget of node.widgets.values()) {
    if (widget.isSent && widget.value !== undefined) inputs.set(widget.name, widgetInput(widget))
  }
  for (const input of node.inputs) {
    const source = resolver.resolveInput(scope, node, input)
    if (source !== undefined) {
      inputs.set(input.name, source.kind === 'link' ? [...source.link] : valueInput(source.value))
    }
  }
  return inputs
}

function titleOf({ ui, role }: PlacedNode['node']): string {
  const shown = role.kind === 'class' ? role.definition.display_name : undefined
  return ui.title ?? (shown === undefined || shown === null || shown === '' ? ui.type : shown)
}

function widgetInput({ input, value }: Widget): PromptInput {
  if (Array.isArray(value) && widgetType(input) === 'CURVE') return { __type__: 'CURVE', __value__: asJson(value) }
  return valueInput(value)
}

/** Lists are wrapped, so that ComfyUI does not take them for links. */
function valueInput(value: unknown): PromptInput {
  return Array.isArray(value) ? { __value__: asJson(value) } : asJson(value)
}

function asJson(value: unknown): PromptInput {
  return promptInputSchema.parse(value)
}
