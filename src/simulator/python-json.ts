/**
 * Writes JSON as Python's `json.dumps` does: a blank after `:` and `,`, everything outside of ASCII escaped, and the
 * tokens `NaN`, `Infinity` and `-Infinity`. Keys whose value is undefined are left out.
 */
export function pythonJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return pythonString(value)
    case 'number':
      return pythonNumber(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'bigint':
      return value.toString()
    case 'object':
      break
    default:
      return 'null'
  }
  if (value === null) return 'null'
  if (Array.isArray(value)) {
    let text = '['
    for (let index = 0; index < value.length; index += 1) text += (index === 0 ? '' : ', ') + pythonJson(value[index])
    return text + ']'
  }
  let text = '{'
  for (const [key, inner] of Object.entries(value)) {
    if (inner !== undefined) text += `${text.length === 1 ? '' : ', '}${pythonString(key)}: ${pythonJson(inner)}`
  }
  return text + '}'
}

const needsEscape = /[\u007f-\uffff]/
const allEscapes = /[\u007f-\uffff]/g

/** A string as `json.dumps` writes it. */
export function pythonString(text: string): string {
  const quoted = JSON.stringify(text)
  if (!needsEscape.test(quoted)) return quoted
  return quoted.replace(allEscapes, (unit) =>
    unit === '\u007f' ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function pythonNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (Math.abs(value) < Number.MAX_SAFE_INTEGER || !Number.isInteger(value)) return JSON.stringify(value)
  if (value === 2 ** 64) return '18446744073709551615'
  return value > 1e21 ? JSON.stringify(value) : BigInt(value).toString()
}

const nonFinite = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/gs
const mark = '\u0000number:'

/**
 * Parses JSON as Python's `json.loads` does, `NaN` and `Infinity` included.
 * @throws SyntaxError when it is no JSON
 */
export function parsePythonRequest(text: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    const marked = text.replace(nonFinite, (token) => (token.startsWith('"') ? token : JSON.stringify(mark + token)))
    if (marked === text) throw error
    return parse(marked, (value) => {
      const found = typeof value === 'string' && value.startsWith(mark)
      return found ? Number(value.slice(mark.length)) : value
    })
  }
}

function parse(text: string, revive?: (value: unknown) => unknown): unknown {
  return revive === undefined ? JSON.parse(text) : JSON.parse(text, (_key, value: unknown) => revive(value))
}

/** What Python's `str()` gives for a JSON value. */
export function pythonText(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value)
}

/** What Python's `repr()` gives for a JSON value. */
export function pythonRepr(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.includes("'") && !value.includes('"')
        ? `"${value}"`
        : `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`
    case 'boolean':
      return value ? 'True' : 'False'
    case 'number':
      if (Number.isNaN(value)) return 'nan'
      if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
      return pythonNumber(value)
    default:
  }
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => `${pythonRepr(key)}: ${pythonRepr(inner)}`)
    return `{${entries.join(', ')}}`
  }
  return 'None'
}
