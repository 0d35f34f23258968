import { decodeImage } from '../drawing/decode-image.ts'
import { encodeJpeg } from '../drawing/encode-jpeg.ts'
import { encodePng } from '../drawing/encode-png.ts'
import { encodeWebp } from '../drawing/encode-webp.ts'
import { withoutAlpha } from '../drawing/picture.ts'
import { normalisePath, type FileRoot, type FileStore, type StoredFile } from '../file-store.ts'
import type { VersionProfile } from '../version-profile.ts'
import { HttpStatusError, type HttpExchange, type SendBytes } from './http-exchange.ts'
import { contentTypeOf, isActiveContent } from './content-types.ts'
import type { Route } from './router.ts'

export interface ViewRouteOptions {
  files: FileStore
  profile: VersionProfile
  /** Sends every answer that has a file in it. */
  send: SendBytes
}

const defaultQuality = 90

/** A stored file: raw with ranges and validators, or made into a preview or a channel of it. */
export function viewRoute({ files, profile, send }: ViewRouteOptions): Route {
  return {
    method: 'GET',
    path: '/view',
    async handle(exchange) {
      const { query, response } = exchange
      const { file, name } = locate(query, files)
      const disposition = { 'Content-Disposition': `filename="${name}"` }
      const guard = profile.guardsView ? { 'X-Content-Type-Options': 'nosniff' } : {}
      const preview = query.get('preview')
      const channel = query.get('channel')
      if (preview !== null) {
        const made = await makePreview(file, preview, channel)
        return send(response, 200, { ...disposition, ...guard, 'Content-Type': made.type }, made.bytes)
      }
      if (channel === 'rgb' || channel === 'a') {
        const bytes = await makeChannel(file, channel)
        return send(response, 200, { ...disposition, ...guard, 'Content-Type': 'image/png' }, bytes)
      }
      return sendRaw(exchange, file, { ...disposition, ...guard, ...rawHeaders(name, profile) }, send)
    },
  }
}

function locate(query: URLSearchParams, files: FileStore): { file: StoredFile; name: string } {
  const filename = query.get('filename')
  if (filename === null) throw new HttpStatusError(404)
  const annotated = /^(.*) \[(input|output|temp)\]$/s.exec(filename)
  const whole = annotated?.[1] ?? filename
  if (whole === '' || whole.startsWith('/') || whole.includes('..')) throw new HttpStatusError(400)
  const root = asRoot(annotated?.[2] ?? query.get('type') ?? 'output')
  if (root === undefined) throw new HttpStatusError(400)
  const folder = normalisePath(query.get('subfolder') ?? '')
  if (folder === undefined) throw new HttpStatusError(403)
  const name = whole.slice(whole.lastIndexOf('/') + 1)
  const file = files.get(root, folder === '' ? name : `${folder}/${name}`)
  if (file === undefined) throw new HttpStatusError(404)
  return { file, name }
}

function asRoot(text: string): FileRoot | undefined {
  return text === 'output' || text === 'input' || text === 'temp' ? text : undefined
}

function rawHeaders(name: string, profile: VersionProfile): Record<string, string> {
  const type = contentTypeOf(name)
  if (!profile.guardsView || !isActiveContent(type)) return { 'Content-Type': type }
  return {
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename="${name}"`,
    'Cache-Control': 'no-store',
  }
}

async function makePreview(
  file: StoredFile,
  preview: string,
  channel: string | null,
): Promise<{ type: string; bytes: Buffer }> {
  const [format, qualityText = ''] = preview.split(';')
  const picture = decodeImage(file.bytes)
  if (format === 'jpeg' && channel !== 'a') {
    const quality = /^\d+$/.test(qualityText) ? Number(qualityText) : defaultQuality
    return { type: 'image/jpeg', bytes: encodeJpeg(picture, quality) }
  }
  return { type: 'image/webp', bytes: encodeWebp(picture) }
}

async function makeChannel(file: StoredFile, channel: 'rgb' | 'a'): Promise<Buffer> {
  const picture = decodeImage(file.bytes)
  if (channel === 'rgb') return encodePng(withoutAlpha(picture))
  const { width, height, channels } = picture
  const data = new Uint8Array(width * height * 4)
  for (let at = 0; at < width * height; at += 1)
    data[at * 4 + 3] = channels === 4 ? (picture.data[at * 4 + 3] ?? 0) : 255
  return encodePng({ width, height, channels: 4, data })
}

function sendRaw(
  exchange: HttpExchange,
  file: StoredFile,
  headers: Record<string, string>,
  send: SendBytes,
): void | Promise<void> {
  const { request, response } = exchange
  const { bytes, etag, modified } = file
  const validators = { Etag: etag, 'Last-Modified': modified.toUTCString() }
  if (isUnchanged(request.headers, file)) {
    response.writeHead(304, validators)
    response.end()
    return
  }
  const all = { ...headers, ...validators, 'Accept-Ranges': 'bytes' }
  const asked = request.headers.range
  if (asked === undefined) return send(response, 200, all, bytes)
  const range = parseRange(asked, bytes.length)
  if (range === undefined) {
    response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}`, 'Content-Length': 0 })
    response.end()
    return
  }
  const { start, end } = range
  const content = { ...all, 'Content-Range': `bytes ${start}-${end}/${bytes.length}` }
  return send(response, 206, content, bytes.subarray(start, end + 1))
}

function isUnchanged(headers: HttpExchange['request']['headers'], { etag, modified }: StoredFile): boolean {
  const known = headers['if-none-match']
  if (known !== undefined) return known === '*' || known.split(',').some((tag) => tag.trim() === etag)
  const since = Date.parse(headers['if-modified-since'] ?? '')
  return since >= Math.floor(modified.getTime() / 1000) * 1000
}

/** One range of bytes, both ends included; undefined when it cannot be satisfied or understood. */
function parseRange(text: string, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text)
  if (match === null || (match[1] === '' && match[2] === '')) return undefined
  const [, from = '', to = ''] = match
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from)
  const end = from === '' || to === '' ? size - 1 : Math.min(size - 1, Number(to))
  return start <= end && start < size ? { start, end } : undefined
}
