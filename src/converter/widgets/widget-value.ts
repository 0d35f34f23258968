import { isRecord } from '../../lib/json-record.ts'
import { choicesOf, hasOption, option, widgetType, type DefinedInput } from './defined-input.ts'

/** What the editor starts a widget with; undefined when there is nothing to start with. */
export function defaultValue(input: DefinedInput): unknown {
  const given = option(input, 'default')
  switch (widgetType(input)) {
    case 'INT':
    case 'FLOAT':
      return given ?? 0
    case 'BOOLEAN':
      return given ?? false
    case 'COMBO':
      return given ?? choicesOf(input)[0]
    case 'COMFY_DYNAMICCOMBO_V3':
      return firstKey(input)
    case 'COLOR':
      return given ?? '#000000'
    default:
      return given ?? ''
  }
}

/**
 * What the editor makes of a saved value: nothing is coerced. Absent values become the default, and null does where the
 * widget cannot hold it.
 */
export function loadedValue(input: DefinedInput, saved: unknown): unknown {
  if (saved === undefined) return defaultValue(input)
  const type = widgetType(input)
  if (saved === null) {
    if (type === 'COMBO') return choicesOf(input)[0]
    if (type === 'COMFY_DYNAMICCOMBO_V3') return firstKey(input)
    if (type === 'STRING' && hasOption(input, 'multiline')) return ''
  }
  if (input.name === 'sampler_name' && typeof saved === 'string' && saved.startsWith('sample_')) {
    return saved.slice('sample_'.length)
  }
  return saved
}

/** Whether a value is of a type that the widget can have been saved with. Choices are no matter of type. */
export function fitsWidget(input: DefinedInput, value: unknown): boolean {
  if (value === undefined || value === null) return true
  switch (widgetType(input)) {
    case 'INT':
    case 'FLOAT':
      return typeof value === 'number' || (typeof value === 'string' && isNumeric(value))
    case 'BOOLEAN':
      return typeof value === 'boolean'
    case 'STRING':
    case 'TEXTAREA':
    case 'MARKDOWN':
    case 'COLOR':
      return typeof value === 'string'
    case 'COMFY_DYNAMICCOMBO_V3':
      return typeof value === 'string'
    case 'COMBO':
      return fitsCombo(input, value)
    case 'CURVE':
    case 'BOUNDING_BOX':
    case 'BOUNDING_BOXES':
    case 'COLORS':
    case 'COMPOSITOR':
      return typeof value === 'object'
    default:
      return true
  }
}

/** Whether the value is one of the choices, as far as they are known. */
export function isKnownChoice(input: DefinedInput, value: unknown): boolean {
  const choices = choicesOf(input)
  return choices.length === 0 || choices.includes(value)
}

function fitsCombo(input: DefinedInput, value: unknown): boolean {
  if (hasOption(input, 'multiselect') || hasOption(input, 'multi_select')) return Array.isArray(value)
  const choices = choicesOf(input)
  if (choices.includes(value)) return true
  if (typeof value === 'string') return true
  return typeof value !== 'object' && choices.some((choice) => typeof choice === typeof value)
}

function firstKey(input: DefinedInput): unknown {
  const [first] = choicesOf(input)
  return isRecord(first) ? first['key'] : undefined
}

function isNumeric(text: string): boolean {
  return text.trim() !== '' && Number.isFinite(Number(text))
}
