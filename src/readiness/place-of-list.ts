import { coreClassTypes, coreNode } from '../comfyui/wire/core-nodes.ts'
import { modelFolder } from '../comfyui/wire/model-folders.ts'
import type { NameList } from '../workflows/parameters/names.ts'
import type { ListField } from '../workflows/served-workflow.ts'

type Place = ListField['places'][number]

/** An input of ComfyUI's own nodes that takes the names of a list; undefined for folders of custom nodes. */
export function placeOfList(list: NameList): Place | undefined {
  if ('of' in list) return { classType: 'KSampler', input: list.of === 'samplers' ? 'sampler_name' : 'scheduler' }
  for (const classType of loaders()) {
    const { required, optional } = coreNode(classType)?.input ?? {}
    const input = Object.keys({ ...required, ...optional }).find((name) => modelFolder(classType, name) === list.folder)
    if (input !== undefined) return { classType, input }
  }
  return undefined
}

/** Every folder has one, and to look into few classes is quick. */
function loaders(): readonly string[] {
  return coreClassTypes().filter((classType) => classType.includes('Load'))
}
