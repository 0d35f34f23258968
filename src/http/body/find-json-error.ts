/** Where a text stops being JSON: an index into it, its length when it only ends too early, `undefined` when it is JSON. */
export function findJsonError(text: string): number | undefined {
  const closers: string[] = []
  let at = skipSpace(text, 0)
  for (;;) {
    // A value begins here.
    const opener = text[at]
    if (opener === '{' || opener === '[') {
      const closer = opener === '{' ? '}' : ']'
      closers.push(closer)
      at = skipSpace(text, at + 1)
      if (text[at] !== closer) {
        if (closer === '}') {
          const key = scanKey(text, at)
          if (key.error !== undefined) return key.error
          at = key.end
        }
        continue
      }
    } else {
      const scalar = scanScalar(text, at)
      if (scalar.error !== undefined) return scalar.error
      at = skipSpace(text, scalar.end)
    }
    // A value, or an empty container, ended here.
    for (;;) {
      const closer = closers.at(-1)
      if (closer === undefined) return at === text.length ? undefined : at
      if (text[at] === closer) {
        closers.pop()
        at = skipSpace(text, at + 1)
        continue
      }
      if (text[at] !== ',') return Math.min(at, text.length)
      at = skipSpace(text, at + 1)
      if (closer === '}') {
        const key = scanKey(text, at)
        if (key.error !== undefined) return key.error
        at = key.end
      }
      break
    }
  }
}

interface Scanned {
  readonly end: number
  readonly error?: number
}

const space = /[ \t\n\r]*/y
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const word = /true|false|null/y

function skipSpace(text: string, at: number): number {
  space.lastIndex = at
  return at + (space.exec(text)?.[0].length ?? 0)
}

function scanKey(text: string, at: number): Scanned {
  if (text[at] !== '"') return { end: at, error: at }
  const key = scanScalar(text, at)
  if (key.error !== undefined) return key
  const colon = skipSpace(text, key.end)
  return text[colon] === ':' ? { end: skipSpace(text, colon + 1) } : { end: colon, error: colon }
}

function scanScalar(text: string, at: number): Scanned {
  if (text[at] === '"') {
    return scanString(text, at)
  }
  for (const pattern of [number, word]) {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found !== null) return { end: at + found[0].length }
  }
  return { end: at, error: at }
}

function scanString(text: string, opening: number): Scanned {
  for (let at = opening + 1; ; at++) {
    const character = text[at]
    if (character === '"') return { end: at + 1 }
    if (character === undefined || character < ' ') return { end: at, error: at }
    if (character !== '\\') continue
    escape.lastIndex = at
    const found = escape.exec(text)
    if (found === null) return { end: at, error: at + 1 }
    at += found[0].length - 1
  }
}
