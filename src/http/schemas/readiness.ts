import { z } from 'zod'
import type { MissingPart } from '../../instances/missing-parts.ts'
import type { InstanceReadiness } from '../../instances/instance-pool.ts'
import { instanceStatusSchema } from './instance.ts'

const missingPartSchema = z.object({
  node_id: z.string(),
  class_type: z.string(),
  input: z.string().nullable().describe('Null: the class itself is missing.'),
  value: z.string().nullable().describe('What it has no such name for, such as a model file.'),
  message: z.string(),
})

export const instanceReadinessSchema = z.object({
  id: z.string(),
  status: instanceStatusSchema,
  can_run: z.boolean().nullable().describe('It has all classes and names; null while that is not known.'),
  lacks: z.array(missingPartSchema),
})

export type InstanceReadinessResource = z.infer<typeof instanceReadinessSchema>

export function toInstanceReadiness({ id, state, lacks }: InstanceReadiness): InstanceReadinessResource {
  return {
    id,
    status: state,
    can_run: lacks === undefined ? null : lacks.length === 0,
    lacks: (lacks ?? []).map(toMissingPart),
  }
}

/** Whether one of them could run it now; null as long as that is not known. */
export function isReady(instances: readonly InstanceReadinessResource[]): boolean | null {
  if (instances.some((each) => each.status === 'ready' && each.can_run === true)) return true
  return instances.some((each) => each.can_run === null) ? null : false
}

function toMissingPart({ nodeId, classType, input, value }: MissingPart): z.infer<typeof missingPartSchema> {
  return {
    node_id: nodeId,
    class_type: classType,
    input: input ?? null,
    value: value ?? null,
    message:
      input === undefined
        ? `There is no node class ${classType}.`
        : `${classType} has no ${JSON.stringify(value)} for ${input}.`,
  }
}
