import {
  inputChoices,
  inputOptions,
  inputType,
  type InputSpec,
  type NodeDefinition,
  type NodeLookup,
} from '../object-info.ts'
import type { SubmittedPrompt } from '../submitted-prompt.ts'
import { exactLimit, pythonRepr, pythonText } from '../python-json.ts'
import type { PromptRules } from './prompt-rules.ts'
import { ConversionError, convertValue, isPythonEqual, pythonTypeName } from './convert-value.ts'
import { declaredInputs, type DeclaredInput } from './declared-inputs.ts'
import { nodeValidator, unwrapped, type FileExists, type NodeValidator } from './node-validators.ts'
import { PythonException } from './python-exception.ts'
import { typesMatch } from './type-match.ts'

export interface NodeError {
  type: string
  message: string
  details: string
  extra_info: Record<string, unknown>
}

/** What is known about a node: whether it can run, and its own errors. */
export interface NodeVerdict {
  valid: boolean
  errors: NodeError[]
}

export interface ValidationContext {
  prompt: SubmittedPrompt
  nodes: NodeLookup
  rules: PromptRules
  fileExists: FileExists
  /** Judged nodes; grows with the walk. */
  judged: Map<string, NodeVerdict>
  /** Nodes on the way from the output to here. */
  path: string[]
}

/** The deepest chain of nodes that Python's recursion limit lets through. */
const maxDepth = 982
/** Longer lists of choices are not sent back. */
const maxListedChoices = 20

/**
 * Judges a node and, depth first, what it links to. Literals are replaced by what they are converted to.
 * @throws PythonException where the server's own check raises one
 */
export function validateInputs(context: ValidationContext, nodeId: string): NodeVerdict {
  const known = context.judged.get(nodeId)
  if (known !== undefined) return known
  if (context.path.includes(nodeId)) return reportCycle(context, nodeId)
  if (context.path.length >= maxDepth) throw new PythonException('RecursionError', 'maximum recursion depth exceeded')
  const node = context.prompt[nodeId]
  if (node === undefined) throw new PythonException('KeyError', pythonRepr(nodeId))
  if ((node.inputs as unknown) === undefined) throw new PythonException('KeyError', "'inputs'")
  const definition = context.nodes(node.class_type)
  if (definition === undefined) throw new PythonException('KeyError', pythonRepr(node.class_type))

  context.path.push(nodeId)
  let verdict: NodeVerdict
  try {
    verdict = judge(context, definition, node.class_type, node.inputs)
  } finally {
    context.path.pop()
  }
  const onCycle = context.judged.get(nodeId)
  if (onCycle !== undefined) return onCycle
  context.judged.set(nodeId, verdict)
  return verdict
}

function judge(
  context: ValidationContext,
  definition: NodeDefinition,
  classType: string,
  inputs: Record<string, unknown>,
): NodeVerdict {
  const validator = nodeValidator(classType)
  const errors: NodeError[] = []
  const linkedTypes: Record<string, unknown> = {}
  let valid = true
  const declared = declaredInputs(definition, inputs, context.rules.expandsDynamicInputs)
  for (const input of declared) {
    const value = inputs[input.name]
    if (!(input.name in inputs)) {
      if (input.required) errors.push(missing(input))
    } else if (Array.isArray(value)) {
      const found = checkLink(context, input, value, linkedTypes, validator?.takesTypes === true)
      if (found === false) valid = false
      else if (found !== true) errors.push(found)
    } else {
      const error = checkLiteral(context.rules, input, inputs, validator)
      if (error !== undefined) errors.push(error)
    }
  }
  if (validator !== undefined) errors.push(...runValidator(context, validator, declared, inputs, linkedTypes))
  return { valid: valid && errors.length === 0, errors }
}

function missing({ name }: DeclaredInput): NodeError {
  return {
    type: 'required_input_missing',
    message: 'Required input is missing',
    details: name.slice(name.lastIndexOf('.') + 1),
    extra_info: { input_name: name },
  }
}

/** `true`, `false` for a bad source, or an error of this node. */
function checkLink(
  context: ValidationContext,
  { name, spec }: DeclaredInput,
  link: unknown[],
  linkedTypes: Record<string, unknown>,
  anyType: boolean,
): boolean | NodeError {
  const known = { input_name: name, input_config: spec, received_value: link }
  if (link.length !== 2) {
    const message = 'Bad linked input, must be a length-2 list of [node_id, slot_index]'
    return { type: 'bad_linked_input', message, details: name, extra_info: known }
  }
  const [sourceId, slot]: unknown[] = link
  const source = typeof sourceId === 'string' ? context.prompt[sourceId] : undefined
  if (typeof sourceId !== 'string' || source === undefined) throw new PythonException('KeyError', pythonRepr(sourceId))
  const received = outputType(context.nodes(source.class_type)?.output ?? [], slot)
  linkedTypes[name] = received
  const wanted = inputType(spec)
  if (!anyType && !typesMatch(received, wanted, context.rules.matchesAnyType)) {
    const type = (value: unknown): string => (typeof value === 'string' ? value : pythonRepr(value))
    return {
      type: 'return_type_mismatch',
      message: 'Return type mismatch between linked nodes',
      details: `${name}, received_type(${type(received)}) mismatch input_type(${type(wanted)})`,
      extra_info: { input_name: name, input_config: spec, received_type: received, linked_node: link },
    }
  }
  try {
    return validateInputs(context, sourceId).valid
  } catch (error) {
    if (!(error instanceof PythonException)) throw error
    context.judged.set(sourceId, { valid: false, errors: [innerException(name, spec, link, error)] })
    return false
  }
}

/** Indexes as Python does: negative from the end, booleans as 0 and 1. */
function outputType(outputs: readonly unknown[], slot: unknown): unknown {
  const index = typeof slot === 'boolean' ? Number(slot) : slot
  if (typeof index !== 'number' || !Number.isInteger(index)) {
    throw new PythonException('TypeError', `tuple indices must be integers or slices, not ${pythonTypeName(slot)}`)
  }
  const position = index < 0 ? index + outputs.length : index
  if (position < 0 || position >= outputs.length) throw new PythonException('IndexError', 'tuple index out of range')
  return outputs[position]
}

function checkLiteral(
  rules: PromptRules,
  { name, spec }: DeclaredInput,
  inputs: Record<string, unknown>,
  validator: NodeValidator | undefined,
): NodeError | undefined {
  const type = inputType(spec)
  const options = inputOptions(spec)
  const raw = unwrapped(inputs[name])
  let value: unknown
  try {
    value = convertValue(type, raw)
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error
    return {
      type: 'invalid_input_type',
      message: `Failed to convert an input value to a ${String(type)} value`,
      details: `${name}, ${pythonText(raw)}, ${error.message}`,
      extra_info: { input_name: name, input_config: spec, received_value: raw, exception_message: error.message },
    }
  }
  inputs[name] = value
  if (validator !== undefined && (validator.takesAll === true || validator.takes.includes(name))) return undefined

  const limited = (kind: string, message: string): NodeError => ({
    type: kind,
    message: `Value ${pythonText(value)} ${message}`,
    details: name,
    extra_info: { input_name: name, input_config: spec, received_value: value },
  })
  const { min, max } = options
  if (typeof min === 'number' && comparable(value) < exactLimit(min)) {
    return limited('value_smaller_than_min', `smaller than min of ${pythonText(min)}`)
  }
  if (typeof max === 'number' && comparable(value) > exactLimit(max)) {
    return limited('value_bigger_than_max', `bigger than max of ${pythonText(max)}`)
  }
  const choices = typeof type === 'string' && !rules.checksComboOptions ? undefined : inputChoices(spec)
  return choices === undefined || isChoice(value, choices, options) ? undefined : notInList(name, spec, value, choices)
}

function comparable(value: unknown): number | bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value)
  const name = pythonTypeName(value)
  throw new PythonException('TypeError', `'<' not supported between instances of '${name}' and 'int'`)
}

function isChoice(value: unknown, choices: readonly unknown[], options: Readonly<Record<string, unknown>>): boolean {
  const listed = (single: unknown): boolean => choices.some((choice) => isPythonEqual(choice, single))
  return options['multiselect'] === true && Array.isArray(value) ? value.every(listed) : listed(value)
}

function notInList(name: string, spec: InputSpec, value: unknown, choices: readonly unknown[]): NodeError {
  const long = choices.length > maxListedChoices
  const list = long ? `(list of length ${choices.length})` : pythonRepr([...choices])
  return {
    type: 'value_not_in_list',
    message: 'Value not in list',
    details: `${name}: ${pythonRepr(value)} not in ${list}`,
    extra_info: { input_name: name, input_config: long ? null : spec, received_value: value },
  }
}

function runValidator(
  context: ValidationContext,
  validator: NodeValidator,
  declared: readonly DeclaredInput[],
  inputs: Record<string, unknown>,
  linkedTypes: Record<string, unknown>,
): NodeError[] {
  const handed = declared
    .map(({ name }) => name)
    .filter((name) => name in inputs && (validator.takesAll === true || validator.takes.includes(name)))
  const needed = validator.takes.filter((name) => name !== 'input_types')
  if (validator.takesAll !== true && needed.some((name) => !handed.includes(name))) {
    throw new PythonException('TypeError', 'VALIDATE_INPUTS() missing 1 required positional argument')
  }
  const result = validator.check(withoutLinks(inputs), linkedTypes, context.fileExists)
  if (result === true) return []
  const blamed = handed.length > 0 || validator.takesTypes !== true ? handed : ['input_types']
  return blamed.map((name) => ({
    type: 'custom_validation_failed',
    message: 'Custom validation failed for node',
    details: `${name} - ${result}`,
    extra_info: { input_name: name },
  }))
}

/** A validator gets nothing for a linked input: its value is not known yet. */
function withoutLinks(inputs: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, Array.isArray(value) ? null : value]))
}

function innerException(name: string, spec: InputSpec, link: unknown[], error: PythonException): NodeError {
  return {
    type: 'exception_during_inner_validation',
    message: 'Exception when validating inner node',
    details: error.message,
    extra_info: {
      input_name: name,
      input_config: spec,
      exception_message: error.message,
      exception_type: error.type,
      traceback: [],
      linked_node: link,
    },
  }
}

function reportCycle(context: ValidationContext, nodeId: string): NodeVerdict {
  if (!context.rules.reportsCycles) throw new CycleFound()
  const cycle = context.path.slice(context.path.indexOf(nodeId))
  const label = (id: string): string => `${id} (${context.prompt[id]?.class_type ?? ''})`
  const details = [...cycle, nodeId].map(label).join(' -> ')
  for (const id of cycle) {
    const extra_info = { node_id: id, cycle_nodes: cycle }
    const error = { type: 'dependency_cycle', message: 'Dependency cycle detected', details, extra_info }
    context.judged.set(id, { valid: false, errors: [error] })
  }
  return { valid: false, errors: [] }
}

/** A cycle that the release has no words for: its output fails without a reason. */
export class CycleFound extends Error {}
