/** Types a browser may show without harm: they run no script. */
const shownTypes = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/avif', 'text/plain'])

/** `Content-Disposition` (RFC 6266) for an output: shown in the browser where that is safe, saved otherwise. */
export function contentDisposition(contentType: string, filename: string): string {
  const bare = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  const isShown = shownTypes.has(bare) || bare.startsWith('video/') || bare.startsWith('audio/')
  const plain = filename.replace(/[^\x20-\x7e]|["\\%/]/g, '_')
  const extended = plain === filename ? '' : `; filename*=UTF-8''${encodeExtended(filename)}`
  return `${isShown ? 'inline' : 'attachment'}; filename="${plain}"${extended}`
}

function encodeExtended(filename: string): string {
  return encodeURIComponent(filename.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
