/**
 * What CHANGELOG.md says of a version: what stands between its heading, `## 1.2.0` with or without brackets and a date,
 * and the next one. `undefined` when there is no such heading, or nothing below it.
 */
export function changesOf(version: string, changelog: string): string | undefined {
  const lines = changelog.split('\n')
  const begin = lines.findIndex((text) => headingOf(text) === version)
  if (begin === -1) return undefined
  const length = lines.slice(begin + 1).findIndex((text) => headingOf(text) !== undefined)
  const notes = lines.slice(begin + 1, length === -1 ? undefined : begin + 1 + length)
  return notes.join('\n').trim() || undefined
}

function headingOf(text: string): string | undefined {
  return /^## \[?([^\]\s]+)/.exec(text)?.[1]
}
