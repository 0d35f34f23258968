import { isRecord } from '../../lib/json-record.ts'
import { decodeImage } from '../drawing/decode-image.ts'
import { encodePng } from '../drawing/encode-png.ts'
import { resizePicture, type Picture } from '../drawing/picture.ts'
import { normalisePath, type FileRoot, type FileStore } from '../file-store.ts'
import { HttpStatusError, readBody, sendEmpty, sendJson, type HttpExchange } from './http-exchange.ts'
import type { Route } from './router.ts'

interface Upload {
  bytes: Buffer
  filename: string
  subfolder: string
  root: FileRoot
  overwrites: boolean
  originalRef: string | undefined
}

export interface UploadRoutesOptions {
  files: FileStore
  /** A file is there, and not answered yet. */
  onStored: (root: FileRoot, path: string) => void
}

export function uploadRoutes({ files, onStored }: UploadRoutesOptions): Route[] {
  return [
    {
      method: 'POST',
      path: '/upload/image',
      async handle(exchange) {
        const upload = await readUpload(exchange)
        if (upload === undefined) return sendEmpty(exchange.response, 400)
        return store(exchange, { files, onStored }, upload, upload.bytes)
      },
    },
    {
      method: 'POST',
      path: '/upload/mask',
      async handle(exchange) {
        const upload = await readUpload(exchange)
        if (upload === undefined) return sendEmpty(exchange.response, 400)
        const masked = await applyMask(files, upload)
        return store(exchange, { files, onStored }, upload, masked)
      },
    },
  ]
}

/** Undefined when there is nothing to keep. @throws HttpStatusError 500 where the server stumbles */
async function readUpload({ request }: HttpExchange): Promise<Upload | undefined> {
  const body = await readBody(request)
  const form = await parseForm(body, request.headers['content-type'])
  const image = form?.get('image') ?? null
  if (form === undefined || image === null) return undefined
  if (typeof image === 'string') throw new HttpStatusError(500)
  if (image.name === '') return undefined
  const root = textField(form, 'type') ?? 'input'
  if (root !== 'input' && root !== 'output' && root !== 'temp') throw new HttpStatusError(500)
  return {
    bytes: Buffer.from(await image.arrayBuffer()),
    filename: image.name,
    subfolder: textField(form, 'subfolder') ?? '',
    root,
    overwrites: ['true', '1'].includes(textField(form, 'overwrite') ?? ''),
    originalRef: textField(form, 'original_ref'),
  }
}

async function parseForm(body: Buffer, contentType: string | undefined): Promise<FormData | undefined> {
  if (contentType === undefined) return undefined
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the body is limited and in memory already
    return await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData()
  } catch {
    return undefined
  }
}

function textField(form: FormData, name: string): string | undefined {
  const value = form.get(name)
  return typeof value === 'string' ? value : undefined
}

/** Keeps the bytes under the upload's name, or under the next free one; undefined bytes are not kept, but answered. */
function store(
  { response }: HttpExchange,
  { files, onStored }: UploadRoutesOptions,
  upload: Upload,
  bytes: Buffer | undefined,
): void {
  const { root, subfolder, overwrites } = upload
  const folder = normalisePath(subfolder)
  const wanted = folder === undefined ? undefined : normalisePath(folder, upload.filename)
  if (folder === undefined || wanted === undefined) return sendEmpty(response, 400)
  files.makeFolder(root, folder)
  const parent = wanted.slice(0, Math.max(0, wanted.lastIndexOf('/')))
  if (!files.isFolder(root, parent)) throw new HttpStatusError(500)
  if (bytes === undefined) return sendJson(response, 200, { name: upload.filename, subfolder, type: root })

  let [path, name] = [wanted, upload.filename]
  for (let attempt = 1; !overwrites; attempt += 1) {
    const existing = files.get(root, path)
    if (existing === undefined) break
    if (existing.bytes.equals(bytes)) {
      onStored(root, path)
      return sendJson(response, 200, { name, subfolder, type: root })
    }
    path = numbered(wanted, attempt)
    name = numbered(upload.filename, attempt)
  }
  files.put(root, path, bytes)
  onStored(root, path)
  sendJson(response, 200, { name, subfolder, type: root })
}

function numbered(name: string, attempt: number): string {
  const dot = name.lastIndexOf('.')
  const stem = dot > name.lastIndexOf('/') + 1 ? name.slice(0, dot) : name
  return `${stem} (${attempt})${name.slice(stem.length)}`
}

/**
 * The original with the alpha channel of the upload; undefined when there is no such original.
 * @throws HttpStatusError 500 for a missing reference, something that is no image, or another size
 */
async function applyMask(files: FileStore, { originalRef, bytes }: Upload): Promise<Buffer | undefined> {
  const reference = parseReference(originalRef)
  const folder = normalisePath(reference.subfolder)
  const path = folder === undefined ? undefined : normalisePath(folder, reference.filename)
  const original = path === undefined ? undefined : files.get(reference.root, path)
  if (original === undefined) return undefined
  let picture: Picture
  let mask: Picture
  try {
    picture = decodeImage(original.bytes)
    mask = decodeImage(bytes)
  } catch {
    throw new HttpStatusError(500)
  }
  if (picture.width !== mask.width || picture.height !== mask.height) throw new HttpStatusError(500)
  return encodePng(withAlphaOf(picture, resizePicture(mask, picture.width, picture.height, false)))
}

function parseReference(text: string | undefined): { filename: string; subfolder: string; root: FileRoot } {
  let parsed: unknown
  try {
    parsed = JSON.parse(text ?? '')
  } catch {
    throw new HttpStatusError(500)
  }
  if (!isRecord(parsed) || typeof parsed['filename'] !== 'string') throw new HttpStatusError(500)
  const { filename, subfolder, type } = parsed
  const root = type === 'input' || type === 'temp' ? type : 'output'
  return { filename, subfolder: typeof subfolder === 'string' ? subfolder : '', root }
}

function withAlphaOf(picture: Picture, mask: Picture): Picture {
  const { width, height, channels } = picture
  const data = new Uint8Array(width * height * 4)
  for (let at = 0; at < width * height; at += 1) {
    data.set(picture.data.subarray(at * channels, at * channels + 3), at * 4)
    data[at * 4 + 3] = mask.channels === 4 ? (mask.data[at * 4 + 3] ?? 255) : 255
  }
  return { width, height, channels: 4, data }
}
