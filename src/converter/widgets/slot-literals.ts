import { hasOption, option, widgetType, type DefinedInput } from './defined-input.ts'

/* What the editor saves among the values although it is no value: controls and buttons. */

const controlWords: ReadonlySet<unknown> = new Set(['fixed', 'increment', 'decrement', 'randomize', 'increment-wrap'])

/** Inputs that get a control without asking for it. */
const seedNames: ReadonlySet<string> = new Set(['seed', 'noise_seed'])

/** Whether the editor puts a control for the next run behind the widget. */
export function hasControl(input: DefinedInput): boolean {
  switch (widgetType(input)) {
    case 'INT': {
      const isAbsent = option(input, 'control_after_generate') === undefined
      return hasOption(input, 'control_after_generate') || (isAbsent && seedNames.has(input.name))
    }
    case 'FLOAT':
    case 'COMBO':
      return hasOption(input, 'control_after_generate')
    default:
      return false
  }
}

/** The control word for a saved one, which old versions wrote as a boolean; undefined when it is none. */
export function controlWord(value: unknown): string | undefined {
  if (typeof value === 'boolean') return value ? 'randomize' : 'fixed'
  return typeof value === 'string' && controlWords.has(value) ? value : undefined
}

export const uploadButton = 'image'
const uploadFlags = ['image_upload', 'video_upload', 'animated_image_upload'] as const

/** Whether the editor adds a button for uploads, behind all other widgets of the node. */
export function hasUploadButton(input: DefinedInput): boolean {
  return input.isRequired && widgetType(input) === 'COMBO' && uploadFlags.some((flag) => hasOption(input, flag))
}

/** Whether the editor adds a player and a button, which leave up to two empty values at the end. */
export function hasAudioUpload(input: DefinedInput): boolean {
  return input.isRequired && hasOption(input, 'audio_upload')
}

export const refreshButton = 'refresh'

/** The buttons before the 3D view of a node that loads 3D files: what they are called in the prompt, and their value. */
export const load3dButtons = [
  ['upload 3d model', 'upload3dmodel'],
  ['upload extra resources', 'uploadExtraResources'],
  ['clear', 'clear'],
] as const

const literals: ReadonlySet<unknown> = new Set([
  '',
  uploadButton,
  refreshButton,
  'capture',
  ...load3dButtons.map(([, value]) => value),
])

/** Classes that leave texts and numbers behind their values. */
const untidyClasses: ReadonlySet<string> = new Set(['PreviewAny', 'GetImageSize', 'ImageCompare', 'Painter'])

/** Whether a value is nothing, or what the editor saves for a button. */
export function isEmptyOrButton(value: unknown): boolean {
  return value === null || literals.has(value)
}

/** Whether a value behind those of all widgets says nothing: the rest of a preview, or a button. */
export function isKnownLeftover(value: unknown, classType: string): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return true
  return literals.has(value) || controlWord(value) !== undefined || untidyClasses.has(classType)
}
