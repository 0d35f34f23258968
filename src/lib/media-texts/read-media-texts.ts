import { hasId3, id3Texts } from './id3-texts.ts'
import { isIsoMedia, isoMediaTexts } from './iso-media-texts.ts'
import { isJpeg, jpegTexts } from './jpeg-texts.ts'
import { glbTexts, isGlb, isSafetensors, safetensorsTexts } from './json-header-texts.ts'
import { isMatroska, matroskaTexts } from './matroska-texts.ts'
import type { MediaText } from './media-text.ts'
import { isPng, pngTexts } from './png-texts.ts'
import { isWebp, webpTexts } from './riff-texts.ts'
import { flacTexts, isFlac, isOgg, oggTexts } from './vorbis-texts.ts'

interface MediaFormat {
  readonly name: string
  readonly matches: (bytes: Buffer) => boolean
  readonly texts: (bytes: Buffer) => MediaText[]
}

const formats: readonly MediaFormat[] = [
  { name: 'PNG', matches: isPng, texts: pngTexts },
  { name: 'WebP', matches: isWebp, texts: webpTexts },
  { name: 'JPEG', matches: isJpeg, texts: jpegTexts },
  { name: 'FLAC', matches: isFlac, texts: flacTexts },
  { name: 'Ogg', matches: isOgg, texts: oggTexts },
  { name: 'MP3', matches: hasId3, texts: id3Texts },
  { name: 'WebM', matches: isMatroska, texts: matroskaTexts },
  { name: 'MP4', matches: isIsoMedia, texts: isoMediaTexts },
  { name: 'glTF', matches: isGlb, texts: glbTexts },
  { name: 'safetensors', matches: isSafetensors, texts: safetensorsTexts },
]

/** A media file, by its first bytes: what people call its format, and the texts that it carries. */
export interface MediaTexts {
  readonly format: string
  readonly texts: readonly MediaText[]
}

/**
 * The texts in a media file, in its order; undefined when it is in none of the formats known. What is broken in it ends
 * the list, and never throws.
 */
export function readMediaTexts(bytes: Buffer): MediaTexts | undefined {
  const format = formats.find(({ matches }) => matches(bytes))
  if (format === undefined) return undefined
  return { format: format.name, texts: textsOf(format, bytes) }
}

function textsOf({ texts }: MediaFormat, bytes: Buffer): readonly MediaText[] {
  try {
    return texts(bytes)
  } catch (error) {
    // Reads behind the end of a file that was cut off.
    if (error instanceof RangeError) return []
    throw error
  }
}
