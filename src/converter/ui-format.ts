import { z } from 'zod'

/*
 * The format in which the editor of ComfyUI saves workflows (schemas 0.4 and 1), loosely: every pack adds to it, and
 * ids are numbers or strings.
 */

const idSchema = z.union([z.number(), z.string()])
const slotSchema = z.union([z.number(), z.string()]).transform(Number).pipe(z.int().min(0))
const linkIdSchema = idSchema.nullish().catch(undefined)
const textSchema = z.string().nullish().catch(undefined)
const typeSchema = z.unknown().optional().transform(typeName)
const linkIdsSchema = z.array(z.unknown()).nullish().catch(undefined)

const inputSchema = z.looseObject({
  name: z.string().catch(''),
  type: typeSchema,
  link: linkIdSchema,
  widget: z
    .looseObject({ name: z.string().optional().catch(undefined) })
    .nullish()
    .catch(undefined),
  label: textSchema,
})

const outputSchema = z.looseObject({
  name: z.string().catch(''),
  type: typeSchema,
  links: linkIdsSchema,
})

export const nodeSchema = z.looseObject({
  id: idSchema,
  type: z.string(),
  mode: z.number().catch(0),
  title: textSchema,
  inputs: z.array(inputSchema).nullish().catch(undefined),
  outputs: z.array(outputSchema).nullish().catch(undefined),
  widgets_values: z.unknown().optional(),
  widgets_values_named: z.record(z.string(), z.unknown()).nullish().catch(undefined),
  properties: z.record(z.string(), z.unknown()).nullish().catch(undefined),
})

/** `[id, origin, origin slot, target, target slot, type]`, as files of schema 0.4 have it in the root graph. */
const linkTupleSchema = z.tuple([idSchema, idSchema, slotSchema, idSchema], z.unknown())
const linkObjectSchema = z.looseObject({
  id: idSchema,
  origin_id: idSchema,
  origin_slot: slotSchema,
  target_id: idSchema,
})

export const linkSchema = z.union([
  linkTupleSchema.transform(([id, originId, originSlot, targetId]) => ({ id, originId, originSlot, targetId })),
  linkObjectSchema.transform(({ id, origin_id, origin_slot, target_id }) => ({
    id,
    originId: origin_id,
    originSlot: origin_slot,
    targetId: target_id,
  })),
])

/** A list, or an object by id. What is no link in it is dropped: an input that names it will find it missing. */
export const linksSchema = z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]).nullish()

const boundarySchema = z.looseObject({ id: idSchema }).nullish().catch(undefined)

const subgraphSlotSchema = z.looseObject({
  name: z.string().catch(''),
  type: typeSchema,
  label: textSchema,
  localized_name: textSchema,
  linkIds: linkIdsSchema,
})

export const subgraphSchema = z.looseObject({
  id: idSchema,
  name: z.string().catch(''),
  inputNode: boundarySchema,
  outputNode: boundarySchema,
  inputs: z.array(subgraphSlotSchema).nullish(),
  outputs: z.array(subgraphSlotSchema).nullish(),
  nodes: z.array(nodeSchema).nullish(),
  links: linksSchema,
  definitions: z.unknown().optional(),
})

export const definitionsSchema = z
  .looseObject({ subgraphs: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]).nullish() })
  .nullish()
  .catch(undefined)

export const workflowSchema = z.looseObject({
  nodes: z.array(nodeSchema),
  links: linksSchema,
  last_node_id: z.coerce.number().optional().catch(undefined),
  state: z
    .looseObject({ lastNodeId: z.coerce.number().optional().catch(undefined) })
    .nullish()
    .catch(undefined),
  definitions: definitionsSchema,
  extra: z.record(z.string(), z.unknown()).nullish().catch(undefined),
  models: z.array(z.unknown()).nullish().catch(undefined),
})

/** Types are names; a list is the choices of an enum, and nothing or 0 means any type. */
function typeName(type: unknown): string {
  if (typeof type === 'string') return type === '' ? '*' : type
  if (Array.isArray(type)) return 'COMBO'
  return typeof type === 'number' && type !== 0 ? String(type) : '*'
}
