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
  return Math.abs(value) > 2 ** 64 ? JSON.stringify(value) : exactLimit(value).toString()
}

const strings = '"(?:[^"\\\\]|\\\\.)*"'
const special = new RegExp(`${strings}|-?Infinity|NaN|-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?`, 'gs')
const maybeLarge = /\d{16}/
const mark = '\u0000number:'

/**
 * Limits of inputs are the largest values of 63 and 64 bits, which a number rounds up to a power of two; the exact value
 * of such a one, and other numbers as they are.
 */
export function exactLimit(limit: number): number | bigint {
  const isRounded = [2 ** 63, 2 ** 64].includes(Math.abs(limit))
  return isRounded ? BigInt(limit) - BigInt(Math.sign(limit)) : limit
}

/**
 * Parses JSON as Python's `json.loads` does: `NaN` and `Infinity` included, and integers exactly, as a bigint where a
 * number would not hold them. @throws SyntaxError when it is no JSON
 */
export function parsePythonRequest(text: string): unknown {
  if (maybeLarge.test(text)) return parseMarked(text)
  try {
    return parse(text)
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error
    return parseMarked(text)
  }
}

function parse(text: string): unknown {
  return JSON.parse(text)
}

/** Hides what `JSON.parse` cannot take in strings, and takes it out of them again. */
function parseMarked(text: string): unknown {
  const marked = text.replace(special, (token) => (isBeyondJson(token) ? JSON.stringify(mark + token) : token))
  return JSON.parse(marked, (_key, value: unknown) => {
    if (typeof value !== 'string' || !value.startsWith(mark)) return value
    const token = value.slice(mark.length)
    return /\d/.test(token) ? BigInt(token) : Number(token)
  })
}

function isBeyondJson(token: string): boolean {
  if (token.startsWith('"')) return false
  return token.endsWith('y') || token === 'NaN' || (/^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)))
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
    case 'bigint':
      return value.toString()
    default:
  }
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => `${pythonRepr(key)}: ${pythonRepr(inner)}`)
    return `{${entries.join(', ')}}`
  }
  return 'None'
}
