import { isLinkShaped, isPromptLink, type PromptLink } from '../../comfyui/wire/prompt.ts'
import { isRecord } from '../../lib/json-record.ts'

/** The link that ComfyUI follows in an input of a checked prompt, also inside of `__value__`. */
export function linkIn(value: unknown): PromptLink | undefined {
  const link = linkShapedIn(value)
  return isPromptLink(link) ? link : undefined
}

/** What ComfyUI takes for a link in an input, also inside of `__value__`. */
export function linkShapedIn(value: unknown): readonly [string, number | boolean] | undefined {
  let inner = value
  while (isRecord(inner) && Object.hasOwn(inner, '__value__')) inner = inner['__value__']
  return isLinkShaped(inner) ? inner : undefined
}
