import { isRecord } from '../../../lib/json-record.ts'
import type { NodeLookup } from '../object-info.ts'
import type { SubmittedNode, SubmittedPrompt } from '../submitted-prompt.ts'
import { pythonText } from '../python-json.ts'
import type { PromptRules } from './prompt-rules.ts'
import type { FileExists } from './node-validators.ts'
import { PythonException } from './python-exception.ts'
import { compileNode, type CompiledNode } from './compile-node.ts'
import type { NodeError, NodeVerdict } from './node-error.ts'
import { CycleFound, validateInputs, type KnownNode } from './validate-inputs.ts'

export interface PromptError {
  type: string
  message: string
  details: string
  extra_info: Record<string, unknown>
}

export type NodeErrors = Record<string, { errors: NodeError[]; dependent_outputs: string[]; class_type: string }>

export type PromptVerdict =
  /** The server itself fails: 500. */
  | { kind: 'crash' }
  | { kind: 'refused'; error: PromptError; nodeErrors: NodeErrors }
  /** `outputs` are the ids of the output nodes that will run. */
  | { kind: 'accepted'; prompt: SubmittedPrompt; outputs: string[]; nodeErrors: NodeErrors }

export interface PromptValidationOptions {
  nodes: NodeLookup
  rules: PromptRules
  fileExists: FileExists
}

/**
 * Decides about the `prompt` of a submission as the server does.
 * @param targets `partial_execution_targets` of the submission
 */
export function validatePrompt(
  prompt: unknown,
  targets: unknown,
  { nodes: lookUp, rules, fileExists }: PromptValidationOptions,
): PromptVerdict {
  if (!isRecord(prompt)) {
    return Array.isArray(prompt) && !rules.namesMissingNode ? refused(noOutputs) : { kind: 'crash' }
  }
  const nodes = new Map<string, KnownNode>()
  const compiledNode = rememberClasses(lookUp)
  const outputs: string[] = []
  for (const [nodeId, node] of Object.entries(prompt)) {
    const checked = checkNode(nodeId, node, compiledNode, rules)
    if (checked === 'crash') return { kind: 'crash' }
    if ('type' in checked) return refused(checked)
    nodes.set(nodeId, checked)
    if (checked.compiled.isOutput && isTarget(nodeId, targets)) outputs.push(nodeId)
  }
  if (typeof targets === 'number') return { kind: 'crash' }
  if (outputs.length === 0) return refused(noOutputs)

  const judged = new JudgedNodes()
  const failed: string[] = []
  const errorsOf = new Map<string, NodeErrors[string]>()
  const good: string[] = []
  const details: string[] = []
  for (const output of outputs) {
    const verdict = judgeOutput(output)
    if (verdict.valid) {
      good.push(output)
      continue
    }
    details.push(...verdict.errors.map((error) => `${error.message}: ${error.details}`))
    const since = failed.push(output) - 1
    for (const [nodeId, { valid, errors }] of judged.takeNew()) {
      if (valid || errors.length === 0) continue
      const class_type = nodes.get(nodeId)?.node.class_type ?? ''
      errorsOf.set(nodeId, {
        errors,
        // Written out only when it is read: with many bad outputs these lists are long.
        get dependent_outputs() {
          return failed.slice(since)
        },
        class_type,
      })
    }
  }
  const nodeErrors: NodeErrors = Object.fromEntries(errorsOf)
  if (good.length > 0) return { kind: 'accepted', prompt: submitted(nodes), outputs: good, nodeErrors }
  const message = 'Prompt outputs failed validation'
  const error = { type: 'prompt_outputs_failed_validation', message, details: details.join('\n'), extra_info: {} }
  return { kind: 'refused', error, nodeErrors }

  function judgeOutput(output: string): NodeVerdict {
    try {
      return validateInputs({ nodes, rules, fileExists, judged, path: new Set() }, output)
    } catch (error) {
      if (error instanceof CycleFound) return { valid: false, errors: [] }
      if (!(error instanceof PythonException)) throw error
      const verdict = { valid: false, errors: [exceptionError(error)] }
      judged.set(output, verdict)
      return verdict
    }
  }
}

class JudgedNodes extends Map<string, NodeVerdict> {
  #new: string[] = []

  override set(nodeId: string, verdict: NodeVerdict): this {
    if (!this.has(nodeId)) this.#new.push(nodeId)
    return super.set(nodeId, verdict)
  }

  /** The nodes that were judged since the last call, with what holds of them now. */
  takeNew(): (readonly [nodeId: string, NodeVerdict])[] {
    const taken = this.#new.flatMap((nodeId) => {
      const verdict = this.get(nodeId)
      return verdict === undefined ? [] : [[nodeId, verdict] as const]
    })
    this.#new = []
    return taken
  }
}

type CompiledLookup = (classType: string) => CompiledNode | undefined

/** Nodes of a prompt share classes: each is looked up once. */
function rememberClasses(lookUp: NodeLookup): CompiledLookup {
  const known = new Map<string, CompiledNode | undefined>()
  return (classType) => {
    if (known.has(classType)) return known.get(classType)
    const definition = lookUp(classType)
    const compiled = definition && compileNode(definition)
    known.set(classType, compiled)
    return compiled
  }
}

function submitted(nodes: ReadonlyMap<string, KnownNode>): SubmittedPrompt {
  return Object.fromEntries([...nodes].map(([nodeId, { node }]) => [nodeId, node]))
}

const noOutputs = { type: 'prompt_no_outputs', message: 'Prompt has no outputs', details: '', extra_info: {} }

function refused(error: PromptError): PromptVerdict {
  return { kind: 'refused', error, nodeErrors: {} }
}

function isTarget(nodeId: string, targets: unknown): boolean {
  if (targets === null || targets === undefined) return true
  if (typeof targets === 'string') return targets.includes(nodeId)
  return Array.isArray(targets) && targets.includes(nodeId)
}

/** The node as it will be kept, or why the whole prompt is refused. */
function checkNode(
  nodeId: string,
  node: unknown,
  compiledNode: CompiledLookup,
  rules: PromptRules,
): KnownNode | PromptError | 'crash' {
  if (!isRecord(node)) {
    const listed = typeof node === 'string' || Array.isArray(node)
    return listed && !rules.namesMissingNode ? missingNode(nodeId, undefined, undefined, rules) : 'crash'
  }
  const classType = node['class_type']
  const inputs = node['inputs']
  if (typeof classType === 'object' && classType !== null) return 'crash'
  if (inputs !== undefined && !isRecord(inputs) && rules.namesMissingNode) return 'crash'
  const compiled = typeof classType === 'string' ? compiledNode(classType) : undefined
  if (typeof classType === 'string' && compiled !== undefined) {
    return { node: keepNode(node, classType, inputs), compiled }
  }
  if (node['_meta'] === null && rules.namesMissingNode) return 'crash'
  return missingNode(nodeId, 'class_type' in node ? classType : undefined, node['_meta'], rules)
}

/** A node without `inputs` is kept so: the server accepts it where no output reaches it. */
function keepNode(node: Record<string, unknown>, classType: string, inputs: unknown): SubmittedNode {
  const kept = { ...node, class_type: classType, inputs: isRecord(inputs) ? { ...inputs } : {} }
  if (inputs === undefined) Reflect.deleteProperty(kept, 'inputs')
  return kept
}

function missingNode(nodeId: string, classType: unknown, meta: unknown, rules: PromptRules): PromptError {
  const details = `Node ID '#${nodeId}'`
  const absent = classType === undefined
  if (!rules.namesMissingNode) {
    const message = absent
      ? 'Cannot execute because a node is missing the class_type property.'
      : `Cannot execute because node ${pythonText(classType)} does not exist.`
    return { type: 'invalid_prompt', message, details, extra_info: {} }
  }
  const title = isRecord(meta) && typeof meta['title'] === 'string' ? meta['title'] : undefined
  const message = absent
    ? `Node '${title ?? `ID #${nodeId}`}' has no class_type. The workflow may be corrupted or a custom node is missing.`
    : `Node '${title ?? pythonText(classType)}' not found. The custom node may not be installed.`
  const extra_info = { node_id: nodeId, class_type: classType ?? null, node_title: title ?? classType ?? null }
  return { type: 'missing_node_type', message, details, extra_info }
}

function exceptionError(error: PythonException): NodeError {
  return {
    type: 'exception_during_validation',
    message: 'Exception when validating node',
    details: error.message,
    extra_info: { exception_type: error.type, traceback: [] },
  }
}
