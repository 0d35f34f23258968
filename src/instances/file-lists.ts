import { coreNode } from '../comfyui/wire/core-nodes.ts'
import { inputChoices, inputOptions, type InputSpec, type NodeDefinition } from '../comfyui/wire/object-info.ts'
import { isRecord } from '../lib/json-record.ts'
import { isFilledElsewhere } from './missing-parts.ts'

/**
 * Definitions in which inputs that take uploads take any name. Their lists change with every upload, of this gateway
 * too, so that what was told a moment ago says nothing about the next prompt.
 */
export function withoutUploads(objectInfo: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return mapValues(objectInfo, (definition, classType) => {
    if (!isRecord(definition) || !isRecord(definition['input'])) return definition
    const input = mapValues(definition['input'], (group) =>
      isRecord(group)
        ? mapValues(group, (spec, name) =>
            Array.isArray(spec) && takesUploads(`${classType}.${name}`, spec) ? withoutList(spec) : spec,
          )
        : group,
    )
    return { ...definition, input }
  })
}

const forEditor = new WeakMap<NodeDefinition, NodeDefinition>()

/**
 * A definition of `withoutUploads` as ComfyUI's editor sees it, for which an input that takes uploads is a list to choose
 * from. The same definition gives the same one.
 */
export function withUploadLists(classType: string, definition: NodeDefinition): NodeDefinition {
  const known = forEditor.get(definition)
  if (known !== undefined) return known
  const { required, optional } = definition.input
  const input = {
    ...definition.input,
    ...(required && { required: withLists(classType, required) }),
    ...(optional && { optional: withLists(classType, optional) }),
  }
  const made = { ...definition, input }
  forEditor.set(definition, made)
  return made
}

function withLists(classType: string, group: Readonly<Record<string, InputSpec>>): Record<string, InputSpec> {
  const entries = Object.entries(group).map(([name, spec]): [string, InputSpec] => {
    if (spec[0] !== '*' || !isOfUploads(`${classType}.${name}`, spec)) return [name, spec]
    return [name, ['COMBO', { ...inputOptions(spec), options: [] }]]
  })
  return Object.fromEntries(entries)
}

/** Whether a class has lists that become longer when a file is put on the disk of the instance. */
export function hasFileLists(classType: string, { input: { required, optional } }: NodeDefinition): boolean {
  const core = coreNode(classType)?.input
  return Object.entries({ ...required, ...optional }).some(([name, spec]) => {
    const choices = inputChoices(spec)
    if (choices === undefined || isFilledElsewhere(spec)) return false
    if (choices.some((choice) => typeof choice === 'string' && isFileName(choice))) return true
    const ofCore = core?.required?.[name] ?? core?.optional?.[name]
    // Without any file a list is empty, or has nothing but what ComfyUI itself puts there.
    return choices.length === 0 || (ofCore !== undefined && inputChoices(ofCore)?.length === 0)
  })
}

/** Lists of what lies in the folder of uploads, although no option says so. */
const unmarkedUploads: ReadonlySet<string> = new Set([
  'LoadLatent.latent',
  'VHS_LoadVideo.video',
  'VHS_LoadVideoFFmpeg.video',
  'VHS_LoadAudioUpload.audio',
  'VHS_LoadImages.directory',
])
const fileName = /\.[a-z][a-z0-9]{1,11}$/i

/** Whether a choice of a list looks like the name of a file. */
export function isFileName(choice: string): boolean {
  return fileName.test(choice)
}

function takesUploads(place: string, spec: readonly unknown[]): boolean {
  const [type] = spec
  return (Array.isArray(type) || type === 'COMBO') && isOfUploads(place, spec)
}

function isOfUploads(place: string, [, options]: readonly unknown[]): boolean {
  if (unmarkedUploads.has(place)) return true
  return isRecord(options) && Object.entries(options).some(([name, is]) => name.endsWith('_upload') && is === true)
}

/** Whatever may be named, with the options that say what it is. */
function withoutList([, options]: readonly unknown[]): readonly unknown[] {
  if (!isRecord(options)) return ['*']
  const { options: _list, ...others } = options
  return ['*', others]
}

function mapValues(
  record: Readonly<Record<string, unknown>>,
  map: (value: unknown, key: string) => unknown,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]))
}
