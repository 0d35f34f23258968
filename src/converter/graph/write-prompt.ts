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
  const prompt: Prompt = {}
  for (const place of places) {
    const { node, id } = place
    if (node.role.kind === 'class' && isActive(node)) prompt[id] = writeNode(place, resolver)
  }
  for (const { inputs } of Object.values(prompt)) {
    for (const [name, value] of Object.entries(inputs)) {
      if (isPromptLink(value) && !Object.hasOwn(prompt, value[0])) Reflect.deleteProperty(inputs, name)
    }
  }
  return prompt
}

function writeNode({ node, scope }: PlacedNode, resolver: LinkResolver): PromptNode {
  const inputs: PromptNode['inputs'] = {}
  for (const widget of node.widgets.values()) {
    if (widget.isSent && widget.value !== undefined) inputs[widget.name] = widgetInput(widget)
  }
  for (const input of node.inputs) {
    const source = resolver.resolveInput(scope, node, input)
    if (source === undefined) continue
    const [origin, slot] = source.kind === 'link' ? source.link : []
    if (origin !== undefined && slot !== undefined) inputs[input.name] = [origin, slot]
    else if (source.kind === 'value') inputs[input.name] = valueInput(source.value)
  }
  return { inputs, class_type: node.ui.type, _meta: { title: titleOf(node) } }
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
