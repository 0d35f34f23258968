import { pythonRepr } from '../python-json.ts'
import type { CompiledNode, DeclaredInput } from './compile-node.ts'
import { pythonTypeName } from './convert-value.ts'
import type { NodeError } from './node-error.ts'
import type { PromptRules } from './prompt-rules.ts'
import { PythonException } from './python-exception.ts'
import { typesMatch, type LinkType } from './type-match.ts'

/** What is wrong with a link that is none. */
export function badLink({ name, spec }: DeclaredInput, link: readonly unknown[]): NodeError {
  return {
    type: 'bad_linked_input',
    message: 'Bad linked input, must be a length-2 list of [node_id, slot_index]',
    details: name,
    extra_info: { input_name: name, input_config: spec, received_value: link },
  }
}

/**
 * The type of an output; undefined when the class is not understood. Indexes as Python does: negative from the end,
 * booleans as 0 and 1.
 * @throws PythonException when there is no such output
 */
export function outputType({ outputs, isUnreadable }: CompiledNode, slot: unknown): LinkType | undefined {
  const index = typeof slot === 'boolean' ? Number(slot) : slot
  if (typeof index !== 'number' || !Number.isInteger(index)) {
    throw new PythonException('TypeError', `tuple indices must be integers or slices, not ${pythonTypeName(slot)}`)
  }
  if (isUnreadable) return undefined
  const found = outputs[index < 0 ? index + outputs.length : index]
  if (found === undefined) throw new PythonException('IndexError', 'tuple index out of range')
  return found
}

/** What is wrong with linking an output of this type to the input. */
export function checkLinkType(
  { name, spec, type: wanted }: DeclaredInput,
  link: readonly unknown[],
  received: LinkType | undefined,
  rules: PromptRules,
): NodeError | undefined {
  if (received === undefined || typesMatch(received, wanted, rules)) return undefined
  const text = ({ written }: LinkType): string => (typeof written === 'string' ? written : pythonRepr(written))
  return {
    type: 'return_type_mismatch',
    message: 'Return type mismatch between linked nodes',
    details: `${name}, received_type(${text(received)}) mismatch input_type(${text(wanted)})`,
    extra_info: { input_name: name, input_config: spec, received_type: received.written, linked_node: link },
  }
}
