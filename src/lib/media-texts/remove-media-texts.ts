import { hasId3 } from './id3-texts.ts'
import { isIsoMedia } from './iso-media-texts.ts'
import { isJpeg } from './jpeg-texts.ts'
import { isGlb } from './json-header-texts.ts'
import { isMatroska } from './matroska-texts.ts'
import { isPng } from './png-texts.ts'
import { peek, type Removal, type RemovalOutcome } from './removal-steps.ts'
import { removeFlacTexts } from './remove-flac-texts.ts'
import { removeGifTexts } from './remove-gif-texts.ts'
import { removeId3Texts } from './remove-id3-texts.ts'
import { removeIsoMediaTexts } from './remove-iso-media-texts.ts'
import { removeJpegTexts } from './remove-jpeg-texts.ts'
import { removeGlbTexts, removeSafetensorsTexts } from './remove-json-header-texts.ts'
import { removeMatroskaTexts } from './remove-matroska-texts.ts'
import { removeOggTexts } from './remove-ogg-texts.ts'
import { isMpegAudio, removeMpegTexts } from './remove-mpeg-texts.ts'
import { removePngTexts } from './remove-png-texts.ts'
import { removeWaveTexts, removeWebpTexts } from './remove-riff-texts.ts'
import { isSvg, removeSvgTexts } from './remove-svg-texts.ts'
import { isWebp } from './riff-texts.ts'
import { RemovalRun } from './run-removal.ts'
import { isFlac, isOgg } from './vorbis-texts.ts'

interface RemovableFormat {
  readonly matches: (head: Buffer) => boolean
  readonly remove: () => Removal
}

const headBytes = 1024
const maxSafetensorsHeaderBytes = 100_000_000

const formats: readonly RemovableFormat[] = [
  { matches: isPng, remove: removePngTexts },
  { matches: isWebp, remove: removeWebpTexts },
  { matches: isJpeg, remove: removeJpegTexts },
  { matches: isGif, remove: removeGifTexts },
  { matches: isFlac, remove: removeFlacTexts },
  { matches: isOgg, remove: removeOggTexts },
  { matches: isWave, remove: removeWaveTexts },
  { matches: isMatroska, remove: removeMatroskaTexts },
  { matches: isIsoMedia, remove: removeIsoMediaTexts },
  { matches: isGlb, remove: removeGlbTexts },
  { matches: beginsLikeSafetensors, remove: removeSafetensorsTexts },
  { matches: isMpegAudio, remove: removeMpegTexts },
  { matches: isSvg, remove: removeSvgTexts },
]

/**
 * The bytes of a media file without the texts in it, such as ComfyUI's graph; what pictures and sounds need stays as it
 * is. No format is encoded anew, and no file becomes larger. A file in another format, or one that is broken, goes
 * through as it is, a broken one from where it is so. Parts of up to `maxHeldBytes` are held in memory.
 * @param onEnd is told when the last bytes are on their way. Errors of the source are passed on.
 */
export async function* withoutMediaTexts(
  source: AsyncIterable<Uint8Array>,
  onEnd: (outcome: RemovalOutcome) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const run = new RemovalRun(removeTexts())
  for await (const chunk of source) {
    yield* run.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
  }
  const rest = run.end()
  onEnd(run.outcome)
  yield* rest
}

/** The same of a file that is in memory. */
export function removeMediaTexts(bytes: Buffer): { readonly bytes: Buffer; readonly outcome: RemovalOutcome } {
  const run = new RemovalRun(removeTexts())
  const parts = [...run.push(bytes), ...run.end()]
  const [only] = parts
  return { bytes: parts.length === 1 && only !== undefined ? only : Buffer.concat(parts), outcome: run.outcome }
}

function* removeTexts(): Removal {
  for (;;) {
    const head = yield* peek(headBytes)
    // Behind a tag there may be any audio format, as it would be without it.
    if (hasId3(head)) yield* removeId3Texts()
    else {
      const format = formats.find(({ matches }) => matches(head))
      return format === undefined ? 'unknown' : yield* format.remove()
    }
  }
}

function isGif(head: Buffer): boolean {
  return /^GIF8[79]a/.test(head.toString('latin1', 0, 6))
}

function isWave(head: Buffer): boolean {
  return head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WAVE'
}

/** Whether the file is long enough is not known yet. */
function beginsLikeSafetensors(head: Buffer): boolean {
  return head.length >= 10 && head[8] === 0x7b && head.readBigUInt64LE(0) <= maxSafetensorsHeaderBytes
}
