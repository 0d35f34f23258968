import { z } from 'zod'
import type { InstanceModels } from '../../instances/instance.ts'
import { instanceStatusSchema } from './instance.ts'

const modelSchema = z.object({
  name: z.string().describe('As loader nodes take it, folder below the one of its type included.'),
  instances: z.array(z.string()).describe('Ids of the instances that have it.'),
})

const answeredSchema = z.object({
  id: z.string(),
  status: instanceStatusSchema,
  answered: z.boolean().describe('False: its models are not in this list, because it has not told them yet.'),
  as_of: z.iso.datetime().nullable().describe('When it told.'),
  reason: z.string().nullable().describe('Why it has not told, or not lately.'),
})

const names = z.array(z.string()).optional()

/** The folders of ComfyUI itself. Packs of custom nodes add others. */
const knownTypes = {
  checkpoints: names,
  diffusion_models: names,
  text_encoders: names,
  clip_vision: names,
  vae: names,
  vae_approx: names,
  loras: names,
  controlnet: names,
  upscale_models: names,
  latent_upscale_models: names,
  style_models: names,
  embeddings: names,
  hypernetworks: names,
  photomaker: names,
  gligen: names,
  diffusers: names,
  audio_encoders: names,
  model_patches: names,
}

/** The models by type twice: `data` says who has each, and each type at the top has the names alone. */
export const modelListSchema = z.looseObject({
  data: z
    .record(z.string(), z.array(modelSchema))
    .describe('Type, which is the name of the folder below `models`, to the models of all instances.'),
  instances: z.array(answeredSchema).describe('The instances that were asked.'),
  samplers: z.array(modelSchema).describe('What `sampler_name` may be.'),
  schedulers: z.array(modelSchema).describe('What `scheduler` may be.'),
  ...knownTypes,
})

export type ModelListResource = z.infer<typeof modelListSchema>

/** Keys at the top that a type of models cannot have. */
const ownKeys = new Set(['data', 'instances', 'samplers', 'schedulers'])

/** What the instances have, merged. Types in the order of the instances, names sorted. */
export function toModelList(instances: readonly InstanceModels[]): ModelListResource {
  const types = new Set(instances.flatMap(({ files }) => [...(files?.keys() ?? [])]))
  const data = Object.fromEntries(
    [...types].map((type) => [type, merge(instances, ({ files }) => files?.get(type)).toSorted(byName)]),
  )
  return {
    ...Object.fromEntries(
      Object.entries(data)
        .filter(([type]) => !ownKeys.has(type))
        .map(([type, models]) => [type, models.map(({ name }) => name)]),
    ),
    data,
    samplers: merge(instances, ({ samplers }) => samplers),
    schedulers: merge(instances, ({ schedulers }) => schedulers),
    instances: instances.map(({ id, state, files, asOfMs, failure }) => ({
      id,
      status: state,
      answered: files !== undefined,
      as_of: asOfMs === undefined ? null : new Date(asOfMs).toISOString(),
      reason: failure ?? (files === undefined ? 'It did not answer in time.' : null),
    })),
  }
}

/** One entry for each name, with all who have it; in the order in which they come. */
function merge(
  instances: readonly InstanceModels[],
  namesOf: (instance: InstanceModels) => readonly string[] | undefined,
): z.infer<typeof modelSchema>[] {
  const owners = new Map<string, string[]>()
  for (const instance of instances) {
    for (const name of namesOf(instance) ?? []) {
      const ids = owners.get(name)
      if (ids === undefined) owners.set(name, [instance.id])
      else ids.push(instance.id)
    }
  }
  return [...owners].map(([name, ids]) => ({ name, instances: ids }))
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}
