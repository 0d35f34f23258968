import { ConversionError, convertValue } from '../../../comfyui/wire/verdict/convert-value.ts'
import type { CheckProblem } from '../check-problem.ts'
import { shown } from '../words.ts'

/**
 * What ComfyUI silently makes of a value for an input of this type: a warning where something else may be meant, a note
 * where only the type changes. Undefined where it stays what it is, and where it is refused.
 */
export function conversionOf(
  type: unknown,
  value: unknown,
): Pick<CheckProblem, 'severity' | 'message' | 'fix'> | undefined {
  let converted: unknown
  try {
    converted = convertValue(type, value)
  } catch (error) {
    if (error instanceof ConversionError) return undefined
    throw error
  }
  if (Object.is(converted, value)) return undefined
  switch (type) {
    case 'INT': {
      if (typeof value === 'string') return told('note', value, converted)
      return told(typeof value === 'number' ? 'warning' : 'note', value, converted)
    }
    case 'FLOAT':
      if (typeof value === 'bigint') return undefined
      return told(Number.isFinite(converted) ? 'note' : 'warning', value, converted)
    case 'STRING':
      return told(typeof value === 'number' || typeof value === 'bigint' ? 'note' : 'warning', value, converted)
    case 'BOOLEAN': {
      const isPlain = value === 0 || value === 1 || value === 'true' || value === 'True' || value === ''
      return told(isPlain ? 'note' : 'warning', value, converted)
    }
    default:
      return undefined
  }
}

function told(
  severity: CheckProblem['severity'],
  value: unknown,
  converted: unknown,
): Pick<CheckProblem, 'severity' | 'message' | 'fix'> {
  const isDenial = converted === true && typeof value === 'string' && /^(false|no|off|0)$/i.test(value.trim())
  const meant = shown(isDenial ? false : converted)
  return {
    severity,
    message: `ComfyUI makes ${shown(converted)} of ${shown(value)}.`,
    fix: `Write ${meant} if that is meant.`,
  }
}
