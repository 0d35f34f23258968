/** Spaces of all kinds are one, and no stop stands at the end. */
export function oneLine(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/(?<!\.\.)\.$/, '')
}

/** Lines stay, with nothing at their ends. */
export function paragraphs(text: string): string {
  return text
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' ').trimEnd())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

const oddities: readonly (readonly [RegExp, string])[] = [
  [/[^\P{C}\n]/u, 'control characters or invisible ones'],
  [/<[!/?a-z]/i, 'HTML'],
  [/\b[a-z][a-z0-9+.-]*:\/\/|\b(javascript|vbscript):/i, 'an address'],
  [/```|~~~|\]\(|!\[|^\s*(#{1,6}\s|>)/m, 'Markdown'],
]

/** Why a text must not stand in documentation, to complete a sentence; undefined where it may. */
export function textProblem(text: string, maxLength: number): string | undefined {
  if (text.length > maxLength) return `has ${text.length} characters, of at most ${maxLength}`
  const found = oddities.find(([pattern]) => pattern.test(text))
  return found === undefined ? undefined : `has ${found[1]} in it; plain text is wanted`
}
