import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import { modelFolder } from '../../comfyui/wire/model-folders.ts'
import type { NodeCatalogue } from '../../comfyui/wire/node-catalogue.ts'
import { inputChoices } from '../../comfyui/wire/object-info.ts'
import type { ToldNames } from './known-names.ts'

/** What the lists of a catalogue say of samplers, schedulers and model files. Only classes of ComfyUI itself are asked. */
export function namesOfCatalogue({ classTypes, lookUp, knowsFiles }: NodeCatalogue): ToldNames {
  const files = new Map<string, Set<string>>()
  for (const classType of classTypes.filter((name) => coreNode(name) !== undefined)) {
    for (const [input, spec] of Object.entries(lookUp(classType)?.input.required ?? {})) {
      const folder = modelFolder(classType, input)
      if (folder === undefined) continue
      const names = files.get(folder) ?? new Set()
      for (const name of inputChoices(spec) ?? []) if (typeof name === 'string') names.add(name)
      files.set(folder, names)
    }
  }
  const sampler = lookUp('KSampler')?.input.required
  const choicesOf = (input: string) => {
    const spec = sampler?.[input]
    return (spec === undefined ? [] : (inputChoices(spec) ?? [])).filter((choice) => typeof choice === 'string')
  }
  return {
    samplers: choicesOf('sampler_name'),
    schedulers: choicesOf('scheduler'),
    files: knowsFiles ? new Map([...files].map(([folder, names]) => [folder, [...names]])) : undefined,
  }
}
