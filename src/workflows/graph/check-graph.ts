import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { brokenRules, type NodePlace } from './graph-rules.ts'

/**
 * Refuses graphs that ComfyUI accepts and that then end its worker for ever, and others that nobody means: the first
 * broken one of the rules of a graph.
 * @throws GatewayError `invalid_workflow`, naming node and input
 */
export function checkGraph(prompt: Prompt, nodes: NodeLookup): void {
  const { value: broken } = brokenRules(prompt, nodes).next()
  if (broken === undefined) return
  const { place, what } = broken
  const detail = place?.input === undefined ? what : `${nameOf(place)} ${what}`
  const code = broken.code === 'link_inside_value' ? 'unknown_source' : broken.code
  throw new GatewayError('invalid_workflow', {
    detail,
    errors: [{ code, message: detail, ...(place !== undefined && { node: place }) }],
  })
}

function nameOf({ id, classType, input }: NodePlace): string {
  return `node ${id} (${classType}), input ${input ?? ''}`
}
