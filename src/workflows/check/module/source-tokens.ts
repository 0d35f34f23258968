/** A piece of a module's text. Comments, regular expressions and templates with expressions in them are left out. */
export interface SourceToken {
  readonly kind: 'name' | 'string' | 'number' | 'sign'
  /** Of a string what it says, without its quotes. */
  readonly text: string
  /** Counts from 1. */
  readonly line: number
}

const blank = /[\s\uFEFF]+/y
const comment = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y
const name = /[\p{ID_Start}$_#][\p{ID_Continue}$\u200C\u200D]*/uy
const number = /(?:0[xXoObB][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)n?/y
const string = /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y
const regularExpression = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\p{ID_Continue}*/uy
/** After these a slash begins a regular expression. */
const beforeExpression = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'void',
  'delete',
  'do',
  'else',
  'yield',
  'await',
])

/**
 * The tokens of a module in JavaScript or TypeScript; undefined where it cannot be understood, such as when brackets do
 * not match.
 */
export function sourceTokens(source: string): readonly SourceToken[] | undefined {
  const tokens: SourceToken[] = []
  const open: string[] = []
  let position = 0
  let line = 1

  while (position < source.length) {
    const character = source[position] ?? ''
    if (take(blank) !== undefined || take(comment) !== undefined) continue
    const start = line
    const word = take(name) ?? undefined
    if (word !== undefined) {
      tokens.push({ kind: 'name', text: word, line: start })
      continue
    }
    const digits = take(number)
    if (digits !== undefined) {
      tokens.push({ kind: 'number', text: digits, line: start })
      continue
    }
    if (character === "'" || character === '"') {
      const quoted = take(string)
      if (quoted === undefined) return undefined
      tokens.push({ kind: 'string', text: unescaped(quoted.slice(1, -1)), line: start })
      continue
    }
    if (character === '`') {
      const end = templateEnd(source, position)
      if (end === undefined) return undefined
      const text = source.slice(position + 1, end - 1)
      if (!text.includes('${')) tokens.push({ kind: 'string', text: unescaped(text), line: start })
      else tokens.push({ kind: 'sign', text: '`', line: start })
      advance(end)
      continue
    }
    if (character === '/' && expectsExpression(tokens.at(-1)) && take(regularExpression) !== undefined) continue
    if ('([{'.includes(character)) open.push(character)
    else if (')]}'.includes(character) && '([{'.indexOf(open.pop() ?? '') !== ')]}'.indexOf(character)) return undefined
    tokens.push({ kind: 'sign', text: character, line: start })
    advance(position + 1)
  }
  return open.length === 0 ? tokens : undefined

  function take(pattern: RegExp): string | undefined {
    pattern.lastIndex = position
    const found = pattern.exec(source)?.[0]
    if (found === undefined || found === '') return undefined
    advance(position + found.length)
    return found
  }

  function advance(to: number): void {
    for (let at = source.indexOf('\n', position); at >= 0 && at < to; at = source.indexOf('\n', at + 1)) line += 1
    position = to
  }
}

/** Behind the template that begins here, with whatever stands in its expressions. */
function templateEnd(source: string, start: number): number | undefined {
  for (let position = start + 1; position < source.length; position += 1) {
    const character = source[position]
    if (character === '\\') position += 1
    else if (character === '`') return position + 1
    else if (character === '$' && source[position + 1] === '{') {
      const end = expressionEnd(source, position + 2)
      if (end === undefined) return undefined
      position = end - 1
    }
  }
  return undefined
}

function expressionEnd(source: string, start: number): number | undefined {
  let depth = 1
  for (let position = start; position < source.length; position += 1) {
    const character = source[position]
    if (character === "'" || character === '"') {
      string.lastIndex = position
      const found = string.exec(source)?.[0]
      if (found === undefined) return undefined
      position += found.length - 1
    } else if (character === '`') {
      const end = templateEnd(source, position)
      if (end === undefined) return undefined
      position = end - 1
    } else if (character === '{') depth += 1
    else if (character === '}' && (depth -= 1) === 0) return position + 1
  }
  return undefined
}

function expectsExpression(before: SourceToken | undefined): boolean {
  if (before === undefined) return true
  if (before.kind === 'name') return beforeExpression.has(before.text)
  return before.kind === 'sign' && !')]}`'.includes(before.text)
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', 0: '\0' }

function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(
    /\\(?:u\{([\da-fA-F]+)\}|u([\da-fA-F]{4})|x([\da-fA-F]{2})|(\r\n|[\s\S]))/g,
    (_all, braced?: string, four?: string, two?: string, other?: string) => {
      const code = braced ?? four ?? two
      if (code !== undefined) return String.fromCodePoint(Math.min(Number.parseInt(code, 16), 0x10ffff))
      if (other === undefined || other === '\n' || other === '\r\n') return ''
      return escapes[other] ?? other
    },
  )
}
