import { isLinkShaped } from '../prompt.ts'
import { pythonRepr } from '../python-json.ts'
import type { SubmittedNode } from '../submitted-prompt.ts'
import { badLink, checkLinkType, outputType } from './check-link.ts'
import { checkLiteral } from './check-literal.ts'
import type { CompiledNode, DeclaredInput } from './compile-node.ts'
import { expandInputs } from './declared-inputs.ts'
import type { NodeError, NodeVerdict } from './node-error.ts'
import { nodeValidator, runValidator, takesInput, type FileExists } from './node-validators.ts'
import type { PromptRules } from './prompt-rules.ts'
import { PythonException } from './python-exception.ts'

export type { NodeError } from './node-error.ts'

/** A node of a prompt with what is known of its class. */
export interface KnownNode {
  readonly node: SubmittedNode
  readonly compiled: CompiledNode
}

export interface ValidationContext {
  readonly nodes: ReadonlyMap<string, KnownNode>
  readonly rules: PromptRules
  readonly fileExists: FileExists
  /** Judged nodes; grows with the walk. */
  readonly judged: Map<string, NodeVerdict>
  /** Nodes on the way from the output to here, in this order. */
  readonly path: Set<string>
}

/** The deepest chain of nodes that Python's recursion limit lets through. */
const maxDepth = 982

/**
 * Judges a node and, depth first, what it links to. Literals are replaced by what they are converted to.
 * @throws PythonException where the server's own check raises one
 * @throws CycleFound where the server has no words for a cycle
 */
export function validateInputs(context: ValidationContext, nodeId: string): NodeVerdict {
  const { judged, path } = context
  const known = judged.get(nodeId)
  if (known !== undefined) return known
  if (path.has(nodeId)) return reportCycle(context, nodeId)
  if (path.size >= maxDepth) throw new PythonException('RecursionError', 'maximum recursion depth exceeded')
  const found = context.nodes.get(nodeId)
  if (found === undefined) throw new PythonException('KeyError', pythonRepr(nodeId))

  path.add(nodeId)
  let verdict: NodeVerdict
  try {
    verdict = judge(context, found)
  } finally {
    path.delete(nodeId)
  }
  const onCycle = judged.get(nodeId)
  if (onCycle !== undefined) verdict = { valid: false, errors: [...onCycle.errors, ...verdict.errors] }
  judged.set(nodeId, verdict)
  return verdict
}

function judge(context: ValidationContext, { node, compiled }: KnownNode): NodeVerdict {
  const { inputs } = node
  if ((inputs as unknown) === undefined) throw new PythonException('KeyError', "'inputs'")
  if (compiled.isUnreadable) return judgeSources(context, inputs)
  const validator = nodeValidator(node.class_type)
  const linkedTypes: Record<string, unknown> | undefined = validator?.takesTypes === true ? {} : undefined
  const errors: NodeError[] = []
  let valid = true
  const declared = expandInputs(compiled, inputs, context.rules.expandsDynamicInputs)
  for (const input of declared) {
    const value = inputs[input.name]
    if (value === undefined || !Object.hasOwn(inputs, input.name)) {
      if (input.required) errors.push(missing(input.name))
    } else if (Array.isArray(value)) {
      const found = checkLink(context, input, value, linkedTypes)
      if (found === false) valid = false
      else if (found !== true) errors.push(found)
    } else {
      const isJudgedByClass = validator !== undefined && takesInput(validator, input.name)
      const error = checkLiteral(input, inputs, context, isJudgedByClass)
      if (error !== undefined) errors.push(error)
    }
  }
  if (validator !== undefined) {
    errors.push(...runValidator(validator, { declared, inputs, linkedTypes, fileExists: context.fileExists }))
  }
  return { valid: valid && errors.length === 0, errors }
}

/** Of a class that is not understood every link to a node that is there counts as declared. */
function judgeSources(context: ValidationContext, inputs: Readonly<Record<string, unknown>>): NodeVerdict {
  let valid = true
  for (const [name, value] of Object.entries(inputs)) {
    if (!isLinkShaped(value) || !context.nodes.has(value[0])) continue
    if (!visitSource(context, value, name, undefined)) valid = false
  }
  return { valid, errors: [] }
}

function missing(name: string): NodeError {
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
  input: DeclaredInput,
  link: readonly unknown[],
  linkedTypes: Record<string, unknown> | undefined,
): boolean | NodeError {
  if (link.length !== 2) return badLink(input, link)
  const [sourceId, slot] = link
  const source = typeof sourceId === 'string' ? context.nodes.get(sourceId) : undefined
  if (typeof sourceId !== 'string' || source === undefined) throw new PythonException('KeyError', pythonRepr(sourceId))
  const received = outputType(source.compiled, slot)
  if (linkedTypes !== undefined) linkedTypes[input.name] = received?.written
  else {
    const mismatch = checkLinkType(input, link, received, context.rules)
    if (mismatch !== undefined) return mismatch
  }
  return visitSource(context, [sourceId, slot], input.name, input)
}

/** Whether the node behind a link is good; what its check raises is put down as its error. */
function visitSource(
  context: ValidationContext,
  link: readonly [sourceId: string, slot: unknown],
  name: string,
  input: DeclaredInput | undefined,
): boolean {
  try {
    return validateInputs(context, link[0]).valid
  } catch (error) {
    if (!(error instanceof PythonException)) throw error
    context.judged.set(link[0], { valid: false, errors: [innerException(name, input, link, error)] })
    return false
  }
}

function innerException(
  name: string,
  input: DeclaredInput | undefined,
  link: readonly unknown[],
  error: PythonException,
): NodeError {
  return {
    type: 'exception_during_inner_validation',
    message: 'Exception when validating inner node',
    details: error.message,
    extra_info: {
      input_name: name,
      input_config: input?.spec ?? null,
      exception_message: error.message,
      exception_type: error.type,
      traceback: [],
      linked_node: link,
    },
  }
}

function reportCycle({ rules, path, nodes, judged }: ValidationContext, nodeId: string): NodeVerdict {
  if (!rules.reportsCycles) throw new CycleFound()
  const way = [...path]
  const cycle = way.slice(way.indexOf(nodeId))
  const label = (id: string): string => `${id} (${nodes.get(id)?.node.class_type ?? ''})`
  const details = [...cycle, nodeId].map(label).join(' -> ')
  for (const id of cycle) {
    const extra_info = { node_id: id, cycle_nodes: cycle }
    const error = { type: 'dependency_cycle', message: 'Dependency cycle detected', details, extra_info }
    judged.set(id, { valid: false, errors: [error] })
  }
  return { valid: false, errors: [] }
}

/** A cycle that the release has no words for: its output fails without a reason. */
export class CycleFound extends Error {}
