/**
 * Parses JSON as Python writes it: `json.dumps` gives `NaN`, `Infinity` and `-Infinity` where a number is none of the
 * JSON ones; outside of strings they are read as `null`. Anything that `JSON.parse` takes is parsed exactly as it does.
 * @throws SyntaxError of `JSON.parse` for the text as it came
 */
export function parsePythonJson(text: string): unknown {
  try {
    return parseJson(text)
  } catch (error) {
    const mended = replaceNonFiniteNumbers(text)
    if (mended === text) throw error
    try {
      return parseJson(mended)
    } catch {
      throw error
    }
  }
}

function parseJson(text: string): unknown {
  return JSON.parse(text)
}

const nonFiniteNumber = /-?Infinity|NaN/g

/** Needs no look at what stands around a token: where it is only a part of one, the text is no JSON before or after. */
function replaceNonFiniteNumbers(text: string): string {
  let result = ''
  let position = 0
  while (position < text.length) {
    const stringStart = text.indexOf('"', position)
    const outsideEnd = stringStart === -1 ? text.length : stringStart
    result += text.slice(position, outsideEnd).replace(nonFiniteNumber, 'null')
    position = stringStart === -1 ? text.length : findStringEnd(text, stringStart)
    result += text.slice(outsideEnd, position)
  }
  return result
}

/** Index after the closing quote of the string that begins at `start`; the end of the text when it is not closed. */
function findStringEnd(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1)
  while (quote !== -1) {
    let backslash = quote - 1
    while (text[backslash] === '\\') backslash -= 1
    if ((quote - 1 - backslash) % 2 === 0) return quote + 1
    quote = text.indexOf('"', quote + 1)
  }
  return text.length
}
