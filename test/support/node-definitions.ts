import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import {
  inputChoices,
  inputOptions,
  type InputSpec,
  type NodeDefinition,
  type ObjectInfo,
  type NodeLookup,
} from '../../src/comfyui/wire/object-info.ts'
import { modelFolder } from '../../src/comfyui/wire/model-folders.ts'
import { nodePacks, type ModelNames } from '../fixtures/node-packs.ts'

/**
 * What a server answers that has the packs and these model files. Its core classes are those of `recorded`, which is
 * `/object_info` of a server, or else of the built-in table; model files in them stay in the lists.
 */
export function nodeDefinitions(models: ModelNames, recorded?: ObjectInfo): NodeLookup {
  const packs = nodePacks(models).flatMap(({ classes }) => Object.entries(classes))
  const known = new Map<string, NodeDefinition | undefined>(packs)
  return (classType) => {
    if (!known.has(classType)) {
      const core = recorded === undefined ? coreNode(classType) : recorded[classType]
      known.set(classType, core && withModels(core, classType, models))
    }
    return known.get(classType)
  }
}

function withModels(core: NodeDefinition, classType: string, models: ModelNames): NodeDefinition {
  const filled = (group: Record<string, InputSpec> = {}): Record<string, InputSpec> =>
    Object.fromEntries(
      Object.entries(group).map(([name, spec]) => {
        const directory = modelFolder(classType, name)
        const choices = inputChoices(spec)
        if (directory === undefined || choices === undefined) return [name, spec]
        const all = [...choices, ...models(directory)]
        return [
          name,
          Array.isArray(spec[0]) ? [all, ...spec.slice(1)] : [spec[0], { ...inputOptions(spec), options: all }],
        ]
      }),
    )
  const { required, optional } = core.input
  return { ...core, input: { ...core.input, required: filled(required), optional: filled(optional) } }
}
