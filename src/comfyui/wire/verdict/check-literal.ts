import type { InputSpec } from '../object-info.ts'
import { pythonRepr, pythonText } from '../python-json.ts'
import type { ChoiceList } from './choice-list.ts'
import type { DeclaredInput } from './compile-node.ts'
import { ConversionError, convertValue, pythonTypeName } from './convert-value.ts'
import type { NodeError } from './node-error.ts'
import { unwrapped, type FileExists } from './node-validators.ts'
import type { PromptRules } from './prompt-rules.ts'
import { PythonException } from './python-exception.ts'

/** Longer lists of choices are not sent back. */
const maxListedChoices = 20

/**
 * Replaces a value by what it is converted to, and says what is wrong with it.
 * @param isJudgedByClass the class's own check takes it: its limits and choices do not count
 * @throws PythonException where the server's own check raises one
 */
export function checkLiteral(
  input: DeclaredInput,
  inputs: Record<string, unknown>,
  { rules, fileExists }: { rules: PromptRules; fileExists: FileExists },
  isJudgedByClass: boolean,
): NodeError | undefined {
  const { name, min, max, choices } = input
  const raw = unwrapped(inputs[name])
  let value: unknown
  try {
    value = convertValue(input.type.written, raw)
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error
    return notConverted(input, raw, error)
  }
  inputs[name] = value
  if (isJudgedByClass) return undefined
  if (min !== undefined && comparable(value, '<') < min) {
    return beyondLimit('value_smaller_than_min', 'smaller than min', min, input, value)
  }
  if (max !== undefined && comparable(value, '>') > max) {
    return beyondLimit('value_bigger_than_max', 'bigger than max', max, input, value)
  }
  if (choices === undefined || (input.type.written === 'COMBO' && !rules.checksComboOptions)) return undefined
  const wrong = wrongChoices(input, choices, value)
  if (wrong.length === 0) return undefined
  if (input.takesUploads && typeof value === 'string' && fileExists(value)) return undefined
  return notInList(name, input.spec, value, wrong, choices.all)
}

function wrongChoices({ takesMany }: DeclaredInput, choices: ChoiceList, value: unknown): readonly unknown[] {
  if (takesMany && Array.isArray(value)) return value.filter((single) => !choices.has(single))
  return choices.has(value) ? [] : [value]
}

function notConverted({ name, spec, type }: DeclaredInput, raw: unknown, { message }: ConversionError): NodeError {
  return {
    type: 'invalid_input_type',
    message: `Failed to convert an input value to a ${String(type.written)} value`,
    details: `${name}, ${pythonText(raw)}, ${message}`,
    extra_info: { input_name: name, input_config: spec, received_value: raw, exception_message: message },
  }
}

function beyondLimit(
  type: string,
  relation: string,
  limit: number | bigint,
  { name, spec }: DeclaredInput,
  value: unknown,
): NodeError {
  return {
    type,
    message: `Value ${pythonText(value)} ${relation} of ${pythonText(limit)}`,
    details: name,
    extra_info: { input_name: name, input_config: spec, received_value: value },
  }
}

function comparable(value: unknown, operator: string): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return Number(value)
  const name = pythonTypeName(value)
  throw new PythonException('TypeError', `'${operator}' not supported between instances of '${name}' and 'int'`)
}

function notInList(
  name: string,
  spec: InputSpec,
  value: unknown,
  wrong: readonly unknown[],
  choices: readonly unknown[],
): NodeError {
  const long = choices.length > maxListedChoices
  const list = long ? `(list of length ${choices.length})` : pythonRepr([...choices])
  return {
    type: 'value_not_in_list',
    message: 'Value not in list',
    details: `${name}: ${wrong.map(pythonRepr).join(', ')} not in ${list}`,
    extra_info: { input_name: name, input_config: long ? null : spec, received_value: value },
  }
}
