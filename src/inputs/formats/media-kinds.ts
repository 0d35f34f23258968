import type { InputKind } from './sniff-media.ts'

/** What a sniffed content type is, first of all. */
export function kindOfMedia(contentType: string): InputKind {
  const [prefix] = contentType.split('/', 1)
  return prefix === 'image' || prefix === 'video' || prefix === 'audio' ? prefix : '3d'
}

/** Image formats that hold films. */
const moving: ReadonlySet<string> = new Set(['image/gif', 'image/webp'])

/** Whether media of this sniffed content type go where this kind is wanted, as `sniffMedia` decides about their bytes. */
export function isTakenAs(contentType: string, kind: InputKind): boolean {
  const own = kindOfMedia(contentType)
  if (own === kind) return true
  return (kind === 'video' && moving.has(contentType)) || (kind === 'audio' && own === 'video')
}
