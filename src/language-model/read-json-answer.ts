/**
 * The JSON of an answer: the whole text, or the part of it that is in a fence or in braces, as models write it that were
 * not held to a form. Undefined where there is none.
 */
export function readJsonAnswer(text: string): unknown {
  const fenced = /```[a-z]*\s*\n([\s\S]*?)\n\s*```/i.exec(text)?.[1]
  const braced = text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)
  for (const candidate of [text, fenced, braced]) {
    if (candidate === undefined) continue
    try {
      return JSON.parse(candidate)
    } catch {
      // The next one may be.
    }
  }
  return undefined
}
