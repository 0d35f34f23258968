import { coreClassTypes, coreNode } from '../comfyui/wire/core-nodes.ts'
import { inputChoices, inputOptions, type InputSpec, type NodeDefinition } from '../comfyui/wire/object-info.ts'
import { isRecord } from '../lib/json-record.ts'
import type { FileStore } from './file-store.ts'
import { modelFolder } from '../comfyui/wire/model-folders.ts'
import type { ModelFiles, ModelLists } from './model-files.ts'
import { pythonJson } from '../comfyui/wire/python-json.ts'
import { shippedNodeDefinitions, testNodeDefinitions } from './extra-node-definitions.ts'
import type { VersionProfile } from './version-profile.ts'

export interface NodeCatalogue {
  /** With the model files in its lists, without the input files. Undefined when the server has no such class. */
  definition(classType: string): NodeDefinition | undefined
  /** What `/object_info` answers: JSON of all classes. */
  objectInfo(): string
  /** What `/object_info/{class}` answers. */
  objectInfoOf(classType: string): string
}

export interface NodeCatalogueOptions {
  version: VersionProfile['nodesOf']
  models: Pick<ModelLists, 'files'>
  testNodes: boolean
  files: FileStore
}

/** The classes of one server. */
export function createNodeCatalogue({ version, models, testNodes, files }: NodeCatalogueOptions): NodeCatalogue {
  /** With the model files of one moment. */
  let definitions = new Map<string, NodeDefinition>()
  let filledWith: ModelFiles | undefined
  const extra = new Map(Object.entries({ ...shippedNodeDefinitions, ...(testNodes && testNodeDefinitions) }))
  let whole: { revision: number; models: ModelFiles; json: string } | undefined

  function definition(classType: string): NodeDefinition | undefined {
    if (filledWith !== models.files()) definitions = new Map()
    filledWith = models.files()
    const known = definitions.get(classType)
    if (known !== undefined) return known
    const core = extra.get(classType) ?? coreNode(classType, version)
    if (core === undefined) return undefined
    const filled = mapInputs(core, (name, spec) => withModels(classType, name, spec))
    definitions.set(classType, filled)
    return filled
  }

  function withModels(classType: string, name: string, spec: InputSpec): InputSpec {
    const folder = modelFolder(classType, name)
    const choices = inputChoices(spec)
    if (folder === undefined || choices === undefined) return spec
    return withChoices(spec, [...(models.files()[folder] ?? []), ...choices])
  }

  function withInputFiles(classType: string, core: NodeDefinition): NodeDefinition {
    return mapInputs(core, (_name, spec) => {
      if (inputOptions(spec)['file_upload'] === true) {
        const models = files.pathsBelow('input', '3d').filter((path) => modelExtensions.test(path))
        return withChoices(spec, [...(inputChoices(spec) ?? []), ...models.toSorted()])
      }
      const extensions = listedExtensions(classType, spec)
      if (extensions === undefined) return spec
      const names = files.names('input', '').filter((name) => extensions.test(name))
      return withChoices(spec, names.toSorted())
    })
  }

  function answerOf(classType: string): string {
    const found = definition(classType)
    return pythonJson(found === undefined ? undefined : withInputFiles(classType, found))
  }

  return {
    definition,
    objectInfo() {
      const revision = files.revision('input')
      if (whole?.revision !== revision || whole.models !== models.files()) {
        const classTypes = [...coreClassTypes(version), ...extra.keys()]
        const parts = classTypes.map((classType) => `${pythonJson(classType)}: ${answerOf(classType)}`)
        whole = { revision, models: models.files(), json: `{${parts.join(', ')}}` }
      }
      return whole.json
    },
    objectInfoOf: (classType) =>
      definition(classType) === undefined ? '{}' : `{${pythonJson(classType)}: ${answerOf(classType)}}`,
  }
}

function mapInputs(definition: NodeDefinition, map: (name: string, spec: InputSpec) => InputSpec): NodeDefinition {
  const changes = new Set<string>()
  const mapGroup = (group: Record<string, InputSpec> | undefined): Record<string, InputSpec> | undefined => {
    if (group === undefined) return undefined
    const entries = Object.entries(group).map(([name, spec]): [string, InputSpec] => {
      const mapped = map(name, spec)
      if (mapped !== spec) changes.add(name)
      return [name, mapped]
    })
    return Object.fromEntries(entries)
  }
  const required = mapGroup(definition.input.required)
  const optional = mapGroup(definition.input.optional)
  if (changes.size === 0) return definition
  const input = { ...definition.input, ...(required && { required }), ...(optional && { optional }) }
  return { ...definition, input }
}

function withChoices(spec: InputSpec, choices: readonly unknown[]): InputSpec {
  if (Array.isArray(spec[0])) return [choices, ...spec.slice(1)]
  return [spec[0], { ...inputOptions(spec), options: choices }, ...spec.slice(2)]
}

/** What the loaders of 3D models list, of the folder `3d`. */
const modelExtensions = /\.(gltf|glb|obj|fbx|stl|spz|splat|ply|ksplat)$/i

/** Which files of the input folder a loader's list shows. */
function listedExtensions(classType: string, spec: InputSpec): RegExp | undefined {
  const options = inputOptions(spec)
  if (isRecord(options['remote'])) return undefined
  if (options['image_upload'] === true) return /\.(png|jpe?g|webp|gif|bmp|tiff?|avif)$/i
  if (options['audio_upload'] === true) return /\.(wav|mp3|flac|ogg|opus|m4a|aac|mp4|webm|mov|mkv)$/i
  if (options['video_upload'] === true) return /\.(mp4|webm|mov|mkv|avi|m4v)$/i
  return classType === 'LoadLatent' ? /\.latent$/i : undefined
}
