import { pythonRepr, pythonText } from '../python-json.ts'

/** A value that Python's `int()` or `float()` refuses. The message is the one of the exception. */
export class ConversionError extends Error {}

const maxIntegerDigits = 4300
const integerText = /^\s*[+-]?\d+(?:_\d+)*\s*$/
const digits = String.raw`\d+(?:_\d+)*`
const floatText = new RegExp(
  String.raw`^\s*[+-]?(?:(?:${digits}\.?(?:${digits})?|\.${digits})(?:e[+-]?${digits})?|inf(?:inity)?|nan)\s*$`,
  'i',
)

/**
 * The value as the server stores it for an input of this type; types without a conversion keep theirs.
 * @throws ConversionError
 */
export function convertValue(type: unknown, value: unknown): unknown {
  switch (type) {
    case 'INT':
      return toInteger(value)
    case 'FLOAT':
      return toFloat(value)
    case 'STRING':
      return pythonText(value)
    case 'BOOLEAN':
      return isTruthy(value)
    default:
      return value
  }
}

function toInteger(value: unknown): number | bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'number') {
    if (Number.isNaN(value)) throw new ConversionError('cannot convert float NaN to integer')
    if (!Number.isFinite(value)) throw new ConversionError('cannot convert float infinity to integer')
    return Math.trunc(value)
  }
  if (typeof value === 'string') {
    const length = value.replaceAll(/[\s_+-]/g, '').length
    if (!integerText.test(value) || length > maxIntegerDigits) {
      throw new ConversionError(`invalid literal for int() with base 10: ${pythonRepr(value)}`)
    }
    return exactInteger(value.replaceAll('_', '').trim())
  }
  throw new ConversionError(
    `int() argument must be a string, a bytes-like object or a real number, not '${pythonTypeName(value)}'`,
  )
}

function exactInteger(text: string): number | bigint {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text.replace('+', ''))
}

function bigintToFloat(value: bigint): number {
  const number = Number(value)
  if (!Number.isFinite(number)) throw new ConversionError('int too large to convert to float')
  return number
}

function toFloat(value: unknown): number {
  if (typeof value === 'bigint') return bigintToFloat(value)
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'number') return value
  if (typeof value === 'string') {
    const text = value.trim().toLowerCase().replaceAll('_', '')
    if (!floatText.test(value)) {
      throw new ConversionError(`could not convert string to float: ${pythonRepr(value)}`)
    }
    if (text.includes('nan')) return Number.NaN
    if (text.includes('inf')) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
    return Number(text)
  }
  throw new ConversionError(`float() argument must be a string or a real number, not '${pythonTypeName(value)}'`)
}

/** Python's truth of a JSON value. */
export function isTruthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return Number.isNaN(value) || Boolean(value)
}

export function pythonTypeName(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType'
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
  if (typeof value === 'bigint') return 'int'
  return typeof value === 'string' ? 'str' : 'dict'
}

/** Python's `==` between JSON values: `true` equals 1. */
export function isPythonEqual(a: unknown, b: unknown): boolean {
  const left = typeof a === 'boolean' ? Number(a) : a
  const right = typeof b === 'boolean' ? Number(b) : b
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  return pythonRepr(left) === pythonRepr(right)
}
