import type { NodeUi } from '../history.ts'
import { readWav } from '../media/sound.ts'
import { writeFlac } from '../media/write-flac.ts'
import { loadFile } from './load-file.ts'
import { linkedInput, textInput, type NodeImplementation, type NodeRun } from './node-run.ts'
import { nextSavePath } from './save-path.ts'
import { partsOf } from './stand-in.ts'

/** Sounds and films go through as they are, where they can be read without a decoder. */
export const mediaNodes: Readonly<Record<string, NodeImplementation>> = {
  LoadAudio(run) {
    const sound = readWav(loadFile(run, 'audio'))
    return sound && { outputs: [{ kind: 'token', type: 'AUDIO', parts: partsOf(run), sound }] }
  },
  SaveAudio(run) {
    const audio = linkedInput(run, 'audio', 'token')
    if (audio.sound === undefined) return undefined
    const item = saveFile(run, 'flac', writeFlac(audio.sound, run.label))
    return { outputs: [audio], ui: { audio: [item] } }
  },
  LoadVideo(run) {
    const film = loadFile(run, 'file')
    return isMp4(film) ? { outputs: [{ kind: 'token', type: 'VIDEO', parts: partsOf(run), film }] } : undefined
  },
  // ComfyUI, too, copies the streams of a film that is to become nothing else.
  SaveVideo(run) {
    const video = linkedInput(run, 'video', 'token')
    if (video.film === undefined || !keepsStreams(run)) return undefined
    return { outputs: [video], ui: { images: [saveFile(run, 'mp4', video.film)], animated: [true] } }
  },
}

/** The bytes in which MP4 and its like say what they are. */
function isMp4(bytes: Buffer): boolean {
  return bytes.toString('latin1', 4, 8) === 'ftyp'
}

/** Newer versions have the codec below the format, and its settings below that. */
function keepsStreams({ inputs }: NodeRun): boolean {
  return Object.entries(inputs).every(([name, value]) => {
    if (name === 'format') return value === 'auto' || value === 'mp4'
    return !/^(?:format\.|codec$|codec\.)/.test(name) || value === 'auto'
  })
}

function saveFile(run: NodeRun, extension: string, bytes: Buffer): NodeUi {
  const next = nextSavePath(run.files, 'output', textInput(run, 'filename_prefix'), 0, 0)
  const filename = next.fileName(0, extension)
  const { subfolder } = next
  run.files.put('output', subfolder === '' ? filename : `${subfolder}/${filename}`, bytes)
  return { filename, subfolder, type: 'output' }
}
