import {
  inputOptions,
  inputType,
  type InputSpec,
  type NodeDefinition,
  type NodeLookup,
} from '../../comfyui/wire/object-info.ts'
import { isRecord } from '../../lib/json-record.ts'
import { isPromptLink } from '../../comfyui/wire/prompt.ts'
import type { LinkedNodes } from './graph-rules.ts'
import { linkIn } from './prompt-links.ts'
import type { MediaKind } from '../parameters/media.ts'

/** A text in a prompt that names a file or folder of the ComfyUI host. */
export interface FileInput {
  readonly id: string
  readonly classType: string
  readonly input: string
  readonly value: string
}

/** Inputs of common node packs, and those of ComfyUI itself that no upload flag marks. */
const knownFileInputs: Readonly<Record<string, readonly string[]>> = {
  LoadImage: ['image'],
  LoadImageMask: ['image'],
  LoadImageOutput: ['image'],
  LoadAudio: ['audio'],
  LoadVideo: ['file'],
  LoadLatent: ['latent'],
  Load3D: ['model_file', 'image'],
  Load3DAdvanced: ['model_file', 'image'],
  Load3DAnimation: ['model_file', 'image'],
  Preview3D: ['model_file'],
  Preview3DAnimation: ['model_file'],
  WebcamCapture: ['image'],
  Painter: ['mask'],
  LoadImageDataSetFromFolder: ['folder'],
  LoadImageTextDataSetFromFolder: ['folder'],
  LoadVideoDataSetFromFolder: ['folder'],
  LoadVideoTextDataSetFromFolder: ['folder'],
  LoadImageSetFromFolderNode: ['folder'],
  LoadImageTextSetFromFolderNode: ['folder'],
  LoadTrainingDataset: ['folder_name'],
  SaveTrainingDataset: ['folder_name'],
  SaveImageDataSetToFolder: ['folder_name'],
  SaveImageTextDataSetToFolder: ['folder_name'],
  SaveLoRA: ['prefix'],
  GeminiInputFiles: ['file'],
  OpenAIInputFiles: ['file'],
  VHS_LoadVideo: ['video'],
  VHS_LoadVideoPath: ['video'],
  VHS_LoadVideoFFmpeg: ['video'],
  VHS_LoadVideoFFmpegPath: ['video'],
  VHS_LoadImages: ['directory'],
  VHS_LoadImagesPath: ['directory'],
  VHS_LoadImagePath: ['image'],
  VHS_LoadAudio: ['audio_file'],
  VHS_LoadAudioUpload: ['audio'],
  'Image Load': ['image_path'],
  'Load Image Batch': ['path'],
  'Image Save': ['output_path'],
}
/** Class and input → the media that it loads from ComfyUI's folder of uploads. */
const mediaInputs: Readonly<Record<string, MediaKind>> = {
  'LoadImage.image': 'image',
  'LoadImageMask.image': 'mask',
  'LoadAudio.audio': 'audio',
  'LoadVideo.file': 'video',
  'VHS_LoadVideo.video': 'video',
  'VHS_LoadVideoFFmpeg.video': 'video',
  'VHS_LoadAudioUpload.audio': 'audio',
  'Load3D.model_file': '3d',
  'Load3DAdvanced.model_file': '3d',
  'Load3DAnimation.model_file': '3d',
}
const mediaFlags: Readonly<Record<string, MediaKind>> = {
  image_upload: 'image',
  animated_image_upload: 'image',
  audio_upload: 'audio',
  video_upload: 'video',
  file_upload: '3d',
}
const uploadFlags = Object.keys(mediaFlags)
/** What other packs call such inputs. */
const fileLikeName =
  /^(file|filename|file_?path|path|directory|folder|(folder|directory|output|video|image|audio)_path)$/

/**
 * Every text in the prompt that ends up as the name of a file: literals of file-like inputs, and the texts of the nodes
 * that feed such an input with a text.
 */
export function findFileInputs(prompt: LinkedNodes, nodes: NodeLookup): readonly FileInput[] {
  const found = new Map<string, FileInput>()
  for (const [id, node] of Object.entries(prompt)) {
    for (const [input, value] of Object.entries(node.inputs)) {
      if (isFileInput(node.class_type, input, nodes)) collect(id, node.class_type, input, value, new Set())
    }
  }
  return [...found.values()]

  function collect(id: string, classType: string, input: string, value: unknown, visited: Set<string>): void {
    const link = linkIn(value)
    if (link === undefined) {
      for (const text of textsIn(value)) found.set([id, input, text].join('\0'), { id, classType, input, value: text })
      return
    }
    const [source, slot] = link
    const node = Object.hasOwn(prompt, source) ? prompt[source] : undefined
    if (node === undefined || visited.has(source)) return
    const output = nodes(node.class_type)?.output[slot]
    if (typeof output === 'string' && !/STRING|COMBO|\*/.test(output)) return
    visited.add(source)
    for (const [name, inner] of Object.entries(node.inputs)) collect(source, node.class_type, name, inner, visited)
  }
}

/** True when an input names a file or folder of the ComfyUI host. */
function isFileInput(classType: string, input: string, nodes: NodeLookup): boolean {
  if (Object.hasOwn(knownFileInputs, classType) && knownFileInputs[classType]?.includes(input) === true) return true
  const definition = nodes(classType)
  if (definition === undefined) return fileLikeName.test(input)
  const spec = specOf(definition, input)
  if (spec === undefined) return false
  if (hasUploadFlag(spec)) return true
  const isCore = !(definition.python_module ?? 'custom_nodes').startsWith('custom_nodes')
  return !isCore && inputType(spec) === 'STRING' && fileLikeName.test(input)
}

/** What inputs are called that name a file of ComfyUI's input folder, where uploads go. */
const mediaName = /^(image|mask|video|audio|file|latent|model_file)$/

/** True when a file-like input may name an upload: it takes a file, and looks for it in the input folder. */
export function isMediaInput(classType: string, input: string, nodes: NodeLookup): boolean {
  const definition = nodes(classType)
  const spec = definition === undefined ? undefined : specOf(definition, input)
  if (spec !== undefined && hasUploadFlag(spec)) return true
  return mediaName.test(input) && !classType.endsWith('Path')
}

function specOf({ input: { required, optional } }: NodeDefinition, input: string): InputSpec | undefined {
  return required?.[input] ?? optional?.[input]
}

function hasUploadFlag(spec: InputSpec): boolean {
  const options = inputOptions(spec)
  return uploadFlags.some((flag) => options[flag] === true)
}

/** The media that an input loads; undefined when the name of a file there is none of an upload. */
export function mediaOfInput({ classType, input }: FileInput, nodes: NodeLookup): MediaKind | undefined {
  const place = `${classType}.${input}`
  if (Object.hasOwn(mediaInputs, place)) return mediaInputs[place]
  const { required, optional } = nodes(classType)?.input ?? {}
  const spec = required?.[input] ?? optional?.[input]
  const options = spec === undefined ? {} : inputOptions(spec)
  const flag = Object.keys(mediaFlags).find((each) => options[each] === true)
  return flag === undefined ? undefined : mediaFlags[flag]
}

/** A name without what says that the file lies in the input folder, where uploads go and names without it lead. */
export function withoutInputMark(name: string): string {
  return name.replace(/ \[input\]$/, '')
}

/** Why a name could leave the folder it is meant for, whoever chose it; undefined when it cannot. */
export function whyUnsafeName(name: string): string | undefined {
  if (name.includes('\0')) return 'it holds a NUL character'
  if (name.includes('\\')) return 'it holds a backslash'
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) return 'it is an absolute path'
  if (name.split('/').includes('..')) return 'it leads out of its folder'
  return undefined
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  if (isPromptLink(value)) return []
  if (Array.isArray(value)) return value.flatMap(textsIn)
  return isRecord(value) ? Object.values(value).flatMap(textsIn) : []
}
