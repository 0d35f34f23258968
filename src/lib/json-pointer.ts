/* JSON pointers (RFC 6901): how the place of a mistake is told. */

/** The pointer to what lies at this path. */
export function pointerTo(...path: readonly PropertyKey[]): string {
  return path.reduce<string>(pointerBelow, '')
}

/** `pointer` with one more step. */
export function pointerBelow(pointer: string, key: PropertyKey): string {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** The same place as a person would write it: `/size/0/width` is `size.0.width`. */
export function dottedName(pointer: string): string {
  return pointer.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')
}
