import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import { inputChoices } from '../../comfyui/wire/object-info.ts'

/** Names that inputs of ComfyUI's nodes must be one of. */
export interface KnownNames {
  readonly samplers: readonly string[]
  readonly schedulers: readonly string[]
  /** Folder below `models/` → the files in it. Folders of which nothing is known are not there. */
  readonly models: ReadonlyMap<string, readonly string[]>
}

/** What one instance tells. */
export interface ToldNames {
  readonly samplers: readonly string[]
  readonly schedulers: readonly string[]
  readonly files: ReadonlyMap<string, readonly string[]> | undefined
}

/** What is known without asking anybody: the samplers and schedulers of ComfyUI itself, and no model. */
export function coreNames(): KnownNames {
  return { samplers: choicesOf('sampler_name'), schedulers: choicesOf('scheduler'), models: new Map() }
}

/** The core names, and all that instances have beside them. */
export function uniteNames(instances: readonly ToldNames[]): KnownNames {
  const core = coreNames()
  const models = new Map<string, string[]>()
  for (const { files } of instances) {
    for (const [folder, names] of files ?? []) models.set(folder, union(models.get(folder) ?? [], names).sort())
  }
  return {
    samplers: union(core.samplers, ...instances.map(({ samplers }) => samplers)),
    schedulers: union(core.schedulers, ...instances.map(({ schedulers }) => schedulers)),
    models,
  }
}

function choicesOf(input: string): readonly string[] {
  const spec = coreNode('KSampler')?.input.required?.[input]
  const choices = spec === undefined ? undefined : inputChoices(spec)
  return (choices ?? []).filter((choice) => typeof choice === 'string')
}

function union(...lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())]
}
