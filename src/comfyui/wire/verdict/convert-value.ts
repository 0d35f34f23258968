import { pythonRepr, pythonText } from '../python-json.ts'

/** A value that Python's `int()` or `float()` refuses. The message is the one of the exception. */
export class ConversionError extends Error {}

const maxIntegerDigits = 4300
const integerText = /^[+-]?\d+(?:_\d+)*$/
const digits = String.raw`\d+(?:_\d+)*`
const floatText = new RegExp(
  String.raw`^[+-]?(?:(?:${digits}\.?(?:${digits})?|\.${digits})(?:e[+-]?${digits})?|inf(?:inity)?|nan)$`,
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
    const text = numberText(value)
    const length = text.replaceAll(/[_+-]/g, '').length
    if (!integerText.test(text) || length > maxIntegerDigits) {
      throw new ConversionError(`invalid literal for int() with base 10: ${pythonRepr(value)}`)
    }
    return exactInteger(text.replaceAll('_', ''))
  }
  throw new ConversionError(
    `int() argument must be a string, a bytes-like object or a real number, not '${pythonTypeName(value)}'`,
  )
}

const isAscii = /^[!-~]*$/

/** Without the blanks around it, and with digits of other scripts as `0` to `9`. */
function numberText(value: string): string {
  if (isAscii.test(value)) return value
  const characters = Array.from(value)
  const isText = (character: string): boolean => !isBlank(character)
  const [first, last] = [characters.findIndex(isText), characters.findLastIndex(isText)]
  const text = first === -1 ? '' : characters.slice(first, last + 1).join('')
  return text.replaceAll(/[^\P{Nd}0-9]/gu, (digit) => String(digitValue(digit)))
}

function isBlank(character: string): boolean {
  return /\p{White_Space}/u.test(character) || (character >= '\x1c' && character <= '\x1f')
}

/** Digits stand in Unicode from zero to nine, in tens without a gap. */
function digitValue(digit: string): number {
  const point = digit.codePointAt(0) ?? 0
  let before = point
  while (/\p{Nd}/u.test(String.fromCodePoint(before - 1))) before -= 1
  return (point - before) % 10
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
    const written = numberText(value)
    if (!floatText.test(written)) {
      throw new ConversionError(`could not convert string to float: ${pythonRepr(value)}`)
    }
    const text = written.toLowerCase().replaceAll('_', '')
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
