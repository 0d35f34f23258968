import { ComfyuiError } from '../comfyui/comfyui-error.ts'
import type { OutputKind } from './job-output.ts'

const headBytes = 512
const pageStart = /^\s*<(?:!doctype\s+html|html|head|body)\b/i
const textFilename = /\.(?:html?|xhtml|svg|xml|txt|md)$/i

/**
 * Refuses an answer that is no file at all, although its status says so: a page or a message of a proxy. A media file
 * that is only announced as something else is none of these.
 *
 * @param head the first bytes of it
 * @throws ComfyuiError `bad_answer`
 */
export function refuseWrongFile(
  file: { readonly filename: string; readonly outputKind: OutputKind },
  contentType: string | undefined,
  head: Buffer,
): void {
  const { filename, outputKind } = file
  if (textFilename.test(filename) || outputKind === 'text') return
  const start = head.toString('latin1', 0, headBytes).replace(/^\u00ef\u00bb\u00bf/, '')
  const isPage = pageStart.test(start)
  const isMessage = isBinaryKind(outputKind) && isTextType(contentType) && isReadable(start)
  if (!isPage && !isMessage) return
  const what = contentType === undefined ? 'a text' : (contentType.split(';')[0] ?? '').trim()
  throw new ComfyuiError('bad_answer', `GET /view of ${filename} answered with ${what}, not with the file`)
}

function isBinaryKind(kind: OutputKind): boolean {
  return kind === 'image' || kind === 'video' || kind === 'audio' || kind === 'latent'
}

function isTextType(contentType = ''): boolean {
  return /^\s*(?:text\/|application\/(?:json|problem\+json|xml|xhtml\+xml)\b)/i.test(contentType)
}

/** Every binary format has a byte in its head that no text has. */
function isReadable(start: string): boolean {
  // eslint-disable-next-line no-control-regex -- these bytes are what it is about
  return !/[\u0000-\u0008\u000e-\u001f]/.test(start)
}
