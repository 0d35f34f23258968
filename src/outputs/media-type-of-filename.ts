import type { OutputKind } from './job-output.ts'

export interface MediaType {
  readonly outputKind: OutputKind
  readonly contentType: string
}

/** What nothing is known of, and what a browser could run (SVG, HTML, XML, scripts): bytes to be saved, never shown. */
const unknownType: MediaType = { outputKind: 'file', contentType: 'application/octet-stream' }

const plainText = 'text/plain; charset=utf-8'

const contentTypes: Readonly<Record<Exclude<OutputKind, 'file'>, Readonly<Record<string, string>>>> = {
  image: {
    png: 'image/png',
    apng: 'image/apng',
    jpg: 'image/jpeg',
    jpeg: 'image/jpeg',
    jfif: 'image/jpeg',
    webp: 'image/webp',
    gif: 'image/gif',
    avif: 'image/avif',
    heic: 'image/heic',
    jxl: 'image/jxl',
    bmp: 'image/bmp',
    tif: 'image/tiff',
    tiff: 'image/tiff',
    exr: 'image/x-exr',
    hdr: 'image/vnd.radiance',
  },
  video: {
    mp4: 'video/mp4',
    m4v: 'video/mp4',
    webm: 'video/webm',
    mkv: 'video/x-matroska',
    mov: 'video/quicktime',
    avi: 'video/x-msvideo',
    mpg: 'video/mpeg',
    mpeg: 'video/mpeg',
    ogv: 'video/ogg',
    '3gp': 'video/3gpp',
  },
  audio: {
    mp3: 'audio/mpeg',
    wav: 'audio/wav',
    flac: 'audio/flac',
    ogg: 'audio/ogg',
    oga: 'audio/ogg',
    opus: 'audio/ogg',
    m4a: 'audio/mp4',
    aac: 'audio/aac',
    weba: 'audio/webm',
    mka: 'audio/x-matroska',
    aif: 'audio/aiff',
    aiff: 'audio/aiff',
  },
  text: {
    txt: plainText,
    log: plainText,
    md: plainText,
    srt: plainText,
    vtt: 'text/vtt; charset=utf-8',
    csv: 'text/csv; charset=utf-8',
    json: 'application/json',
    jsonl: 'application/jsonl',
    yaml: 'application/yaml',
    yml: 'application/yaml',
  },
  '3d': {
    glb: 'model/gltf-binary',
    gltf: 'model/gltf+json',
    obj: 'model/obj',
    stl: 'model/stl',
    usdz: 'model/vnd.usdz+zip',
    ply: 'application/octet-stream',
    fbx: 'application/octet-stream',
    splat: 'application/octet-stream',
    ksplat: 'application/octet-stream',
    spz: 'application/octet-stream',
  },
  latent: { latent: 'application/octet-stream' },
}

const typesByExtension: ReadonlyMap<string, MediaType> = new Map([
  ...rowsOf('image'),
  ...rowsOf('video'),
  ...rowsOf('audio'),
  ...rowsOf('text'),
  ...rowsOf('3d'),
  ...rowsOf('latent'),
])

function rowsOf(outputKind: Exclude<OutputKind, 'file'>): [string, MediaType][] {
  return Object.entries(contentTypes[outputKind]).map(([extension, contentType]) => [
    extension,
    { outputKind, contentType },
  ])
}

/** Content type of texts that nodes show without writing a file. */
export const textType: MediaType = { outputKind: 'text', contentType: plainText }

/**
 * What a file of ComfyUI is, by the extension of its name: the key it is listed under does not tell (`images` holds
 * videos too), and the server guesses its own content type from the name as well.
 */
export function mediaTypeOfFilename(filename: string): MediaType {
  const dot = filename.lastIndexOf('.')
  if (dot < 1) return unknownType
  return typesByExtension.get(filename.slice(dot + 1).toLowerCase()) ?? unknownType
}
