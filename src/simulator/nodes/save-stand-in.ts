import { inputType, type NodeDefinition } from '../../comfyui/wire/object-info.ts'
import { encodePng } from '../drawing/encode-png.ts'
import { encodeWebp } from '../drawing/encode-webp.ts'
import type { Picture } from '../drawing/picture.ts'
import type { NodeUi } from '../history.ts'
import { encodeVideo } from '../media/encode-video.ts'
import { writeAudio, type AudioFormat } from '../media/write-audio.ts'
import { writeGlb, writeLatent, writePly, writeSvg } from '../media/write-model.ts'
import { writeMp4 } from '../media/write-mp4.ts'
import { textInput, type NodeRun } from './node-run.ts'
import { isNodeValue } from './node-values.ts'
import { nextSavePath } from './save-path.ts'
import { drawStandIn, textStandIn, valuesIn } from './stand-in.ts'

interface SavedFile {
  readonly extension: string
  readonly bytes: Buffer
  /** Where the class lists it. */
  readonly key: 'images' | 'audio' | '3d' | 'latents'
  readonly isAnimated?: boolean
}

const frameCount = 16
const framesPerSecond = 8

/** What an output node lists that the simulator cannot execute: one small file that can be opened, or a text. */
export async function saveStandIn(run: NodeRun, definition: NodeDefinition): Promise<NodeUi | undefined> {
  if (!/Save|Preview|Export|Compare|Composit|Loss/i.test(run.classType)) return undefined
  const type = savedType(definition)
  if (type === 'STRING') return { text: [textStandIn(run)] }
  const file = await makeFile(run, type)
  if (file === undefined) return undefined
  const root = /Preview|Compare/.test(run.classType) ? 'temp' : 'output'
  const prefix = textInput(run, 'filename_prefix') || 'ComfyUI_temp'
  // Nothing that is seen says what it is, where it is no picture.
  const labelled = file.key === 'images' ? prefix : `${prefix}_${run.label.replace(/[^\w-]+/g, '_')}`
  const next = nextSavePath(run.files, root, labelled, 0, 0)
  const filename = next.fileName(0, file.extension)
  const { subfolder } = next
  run.files.put(root, subfolder === '' ? filename : `${subfolder}/${filename}`, file.bytes)
  if (/^Preview(3D|Gaussian|Point)/.test(run.classType)) return { result: [`${filename} [temp]`, null, null] }
  return { [file.key]: [{ filename, subfolder, type: root }], ...(file.isAnimated === true && { animated: [true] }) }
}

/** The first type of the inputs that is a kind of file. */
function savedType({ input: { required, optional } }: NodeDefinition): string | undefined {
  const types = Object.values({ ...required, ...optional }).map((spec) => inputType(spec))
  return types.find((type) => typeof type === 'string' && fileTypes.test(type))?.toString()
}

const fileTypes = /^(IMAGE|MASK|LAYERS|VIDEO|AUDIO|LATENT|SVG|MESH|FILE_3D|STRING)|FILE_3D|SAM3_TRACK_DATA/

async function makeFile(run: NodeRun, type: string | undefined): Promise<SavedFile | undefined> {
  const title = `${run.label}, in place of ${run.classType}`
  if (type === undefined) return undefined
  if (run.classType.includes('WEBP')) {
    return { extension: 'webp', bytes: encodeWebp(pictureOf(run)), key: 'images', isAnimated: true }
  }
  if (type === 'VIDEO' || type.includes('TRACK_DATA') || /WEBM|Video/.test(run.classType)) {
    const film = encodeVideo(pictureOf(run), frameCount)
    return { extension: 'mp4', bytes: writeMp4(film, framesPerSecond), key: 'images', isAnimated: true }
  }
  if (type === 'AUDIO') {
    const extension = audioFormat(run)
    return { extension, bytes: writeAudio(extension, title), key: 'audio' }
  }
  if (type === 'LATENT') return { extension: 'latent', bytes: writeLatent(title), key: 'latents' }
  if (type === 'SVG') return { extension: 'svg', bytes: writeSvg(title), key: 'images' }
  if (/SPLAT|POINT_CLOUD|PLY/.test(type) && !/MESH|GLB/.test(type)) {
    return { extension: 'ply', bytes: writePly(title), key: '3d' }
  }
  if (/FILE_3D|MESH/.test(type)) return { extension: 'glb', bytes: writeGlb(title), key: '3d' }
  const isAnimated = run.classType.includes('Animated')
  return { extension: 'png', bytes: await encodePng(pictureOf(run)), key: 'images', isAnimated }
}

function audioFormat({ classType, inputs }: NodeRun): AudioFormat {
  const asked = `${classType} ${String(inputs['format'])}`.toLowerCase()
  return asked.includes('mp3') ? 'mp3' : asked.includes('opus') ? 'opus' : 'flac'
}

/** What goes in where that was drawn here, and so says what it is. */
function pictureOf(run: NodeRun): Picture {
  const [drawn] = valuesIn(run).flatMap((value) => (isNodeValue(value) && value.kind === 'image' ? value.pictures : []))
  return drawn ?? drawStandIn(run)
}
