import { z } from 'zod'
import { type coreModelFolders, currentModelFolder } from '../../comfyui/wire/model-folders.ts'

/** A folder below `models/`: one of ComfyUI itself, or one of a pack of custom nodes. */
export type ModelFolder = (typeof coreModelFolders)[number] | (string & {})

/** The list that a name must be in: that of a folder of models, or one of the sampler. */
export type NameList = { readonly folder: string } | { readonly of: 'samplers' | 'schedulers' }

/* Keys in Zod's metadata, and so in the JSON Schema, that say that a text is a name, and of what. */
const modelKey = 'x-comfyui-model'
const listKey = 'x-comfyui-list'

/**
 * A parameter that names a model file, such as `model('loras')`, below the folder `models/` of ComfyUI. It has no default
 * but the one that is given to it. The documentation shows what the instances have now, and a name that none of them has
 * is refused before anything is queued. `generateWorkflow` gets the name as loaders take it.
 */
export function model(folder: ModelFolder): z.ZodString {
  return z
    .string()
    .min(1)
    .meta({ [modelKey]: currentModelFolder(folder) })
}

/** A parameter that names a sampler, as `sampler_name` of `KSampler` takes it; see `model`. */
export function sampler(): z.ZodString {
  return z
    .string()
    .min(1)
    .meta({ [listKey]: 'samplers' })
}

/** A parameter that names a scheduler, as `scheduler` of `KSampler` takes it; see `model`. */
export function scheduler(): z.ZodString {
  return z
    .string()
    .min(1)
    .meta({ [listKey]: 'schedulers' })
}

/** The list that a schema was marked with; refinements and descriptions added later keep the mark. */
export function nameListOf(schema: z.core.$ZodType): NameList | undefined {
  const { [modelKey]: folder, [listKey]: list } = z.globalRegistry.get(schema) ?? {}
  if (typeof folder === 'string') return { folder }
  return list === 'samplers' || list === 'schedulers' ? { of: list } : undefined
}
