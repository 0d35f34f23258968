import { modelFolder } from '../comfyui/wire/model-folders.ts'
import type { ServedWorkflow } from '../workflows/served-workflow.ts'
import { defaultPrompt } from './default-prompt.ts'

/** The model files that the smallest request of a workflow names in nodes of ComfyUI itself: folder → names. */
export async function namedModels(workflow: ServedWorkflow): Promise<Readonly<Record<string, readonly string[]>>> {
  const found = new Map<string, Set<string>>()
  for (const { class_type: classType, inputs } of Object.values((await defaultPrompt(workflow)) ?? {})) {
    for (const [input, value] of Object.entries(inputs)) {
      if (typeof value !== 'string' || value === '') continue
      const folder = modelFolder(classType, input)
      if (folder !== undefined) found.set(folder, (found.get(folder) ?? new Set()).add(value))
    }
  }
  return Object.fromEntries([...found].map(([folder, names]) => [folder, [...names]]))
}
