import { z } from 'zod'

/** A value in a node's `inputs`: a literal, or a link `[node id, output slot]`. Arrays that are no link are wrapped as `{ __value__: […] }`. */
export type PromptInput = z.infer<typeof promptInputSchema>
export type PromptNode = z.infer<typeof promptNodeSchema>
/** The API-format graph that ComfyUI runs: node id → node. */
export type Prompt = Record<string, PromptNode>
export type PromptLink = readonly [nodeId: string, slot: number]

export const promptInputSchema = z.json()

export const promptNodeSchema = z.looseObject({
  class_type: z.string(),
  inputs: z.record(z.string(), promptInputSchema),
  _meta: z.looseObject({ title: z.string().optional() }).optional(),
})

export const promptSchema = z.record(z.string(), promptNodeSchema)

/** ComfyUI takes every array of a string and a number as a link, whatever it was meant to be. */
export function isPromptLink(value: unknown): value is PromptLink {
  return isLinkShaped(value) && typeof value[1] === 'number'
}

/** What ComfyUI takes for a link: true and false are numbers in Python. */
export function isLinkShaped(value: unknown): value is readonly [nodeId: string, slot: number | boolean] {
  if (!Array.isArray(value) || value.length !== 2 || typeof value[0] !== 'string') return false
  return typeof value[1] === 'number' || typeof value[1] === 'boolean'
}
