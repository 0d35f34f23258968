import type { NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import type { NodeDefinition, NodeLookup } from '../../../comfyui/wire/object-info.ts'
import type { DeclaredInput } from '../../../comfyui/wire/verdict/compile-node.ts'
import { declaredInputs } from '../../../comfyui/wire/verdict/declared-inputs.ts'
import { validatePrompt, type NodeErrors, type PromptVerdict } from '../../../comfyui/wire/verdict/validate-prompt.ts'
import type { LinkedNodes } from '../../graph/graph-rules.ts'
import type { CheckProblem } from '../check-problem.ts'
import type { CheckedGraph } from './checked-graph.ts'
import { describeRefusal } from './describe-refusal.ts'
import { graphProblems } from './graph-problems.ts'
import { inputProblems } from './input-problems.ts'
import { leadsOut, mayBeListed } from './listed-files.ts'
import { reachedNodes } from './reached-nodes.ts'
import { readGraph, type ReadGraph } from './read-graph.ts'
import { unsafeNames } from './unsafe-names.ts'
import { unusedNodes } from './unused-nodes.ts'
import { withoutFileLists } from './without-file-lists.ts'

export interface CheckPromptOptions {
  readonly catalogue: NodeCatalogue
  /**
   * Whether a file that a node loads is there, by its name as loader nodes take it. Default: what the lists of the
   * catalogue show, and every file of which they say nothing.
   */
  readonly fileExists?: (name: string) => boolean
}

/** What can be told about one graph in the API format. */
export interface PromptCheck {
  /**
   * What ComfyUI itself would say; `partly` when it would run some of the outputs only. Against the built-in table, what
   * one would say that has the custom nodes.
   */
  readonly verdict: 'accepted' | 'partly' | 'refused'
  readonly problems: readonly CheckProblem[]
}

/**
 * Says everything that is wrong with a graph in the API format: what ComfyUI refuses, what it accepts and fails or ends
 * of, and what it runs in another way than is written. Any value at all may be given; it is not changed.
 */
export function checkPrompt(prompt: unknown, options: CheckPromptOptions): PromptCheck {
  const catalogue = options.catalogue.knowsFiles
    ? options.catalogue
    : { ...options.catalogue, lookUp: withoutFileLists(options.catalogue.lookUp) }
  const exists = options.fileExists ?? mayBeListed(options.catalogue)
  const confined = catalogue.rules.confinesFiles
  const fileExists = (name: string): boolean => (confined && leadsOut(name) ? false : exists(name))
  const judge = (graph: unknown, nodes: NodeLookup): PromptVerdict =>
    validatePrompt(graph, undefined, { nodes, rules: catalogue.rules, fileExists })

  const read = readGraph(prompt, catalogue)
  const verdict = isOfCustomNodes(read) ? judge(read.repaired, read.lookUp) : judge(prompt, catalogue.lookUp)
  const reached = reachedNodes(read.nodes, read.lookUp)
  const needsAll = read.repaired !== undefined || reached.size < Object.keys(read.nodes).length
  const all = needsAll ? nodeErrorsOf(judge(read.repaired ?? prompt, everyNodeIsOutput(read.lookUp))) : {}
  const errors = read.repaired === undefined ? nodeErrorsOf(verdict) : only(all, (id) => reached.has(id))
  const graph = checkedGraph(read, { catalogue, reached, errors })
  const unusedErrors = only(all, (id) => !reached.has(id))
  // What only links of undeclared names lead to ComfyUI looks at when it runs it, and not before.
  const broken = graphProblems(graph).map((problem) =>
    problem.kind === 'refused' && wordFor(verdict) === 'accepted' ? ({ ...problem, kind: 'fatal' } as const) : problem,
  )
  const explained = new Set(broken.filter(({ kind }) => kind === 'refused').map(({ node }) => node))
  const told = new Set([...broken, ...read.problems].map(({ node }) => node))
  const isRefused = verdict.kind !== 'accepted'
  const problems = [
    ...read.problems.filter(
      ({ code, node }) => code !== 'missing_inputs' || !isRefused || !graph.failures.has(node ?? ''),
    ),
    ...(isEmptyOfOutputs(verdict) && read.problems.length === 0 ? [noOutputs] : []),
    ...refusals(errors, graph).filter(({ node, code }) => !isFailure(code) || !explained.has(node)),
    ...broken,
    ...Object.keys(graph.nodes).flatMap((id) => inputProblems(id, graph)),
    ...unsafeNames(graph, errors),
    ...(reached.size > 0 ? unusedNodes(graph) : []),
    ...refusals(unusedErrors, graph).flatMap((problem) => ifItWereUsed(problem, told)),
  ]
  return { verdict: wordFor(verdict), problems }
}

/** All that would stop ComfyUI is classes that it may well have: the built-in table knows no custom nodes. */
function isOfCustomNodes({ repaired, problems }: ReadGraph): boolean {
  return (
    repaired !== undefined &&
    problems.every(({ code }) => code === 'unknown_class' || code === 'missing_inputs') &&
    problems.some(({ code }) => code === 'unknown_class')
  )
}

function wordFor(verdict: PromptVerdict): PromptCheck['verdict'] {
  if (verdict.kind !== 'accepted') return 'refused'
  return Object.keys(verdict.nodeErrors).length > 0 ? 'partly' : 'accepted'
}

function isEmptyOfOutputs(verdict: PromptVerdict): boolean {
  return verdict.kind === 'refused' && verdict.error.type === 'prompt_no_outputs'
}

/** ComfyUI's own code raises, without saying which input is to blame. */
function isFailure(code: string): boolean {
  return code.startsWith('exception_')
}

const noOutputs: CheckProblem = {
  severity: 'error',
  kind: 'refused',
  code: 'prompt_no_outputs',
  message: 'No node of the graph is an output: there is nothing to run.',
  fix: 'Add a node that saves or shows something, such as SaveImage.',
}

function nodeErrorsOf(verdict: PromptVerdict): NodeErrors {
  return verdict.kind === 'crash' ? {} : verdict.nodeErrors
}

function only(errors: NodeErrors, isWanted: (id: string) => boolean): NodeErrors {
  return Object.fromEntries(Object.entries(errors).filter(([id]) => isWanted(id)))
}

const asOutputs = new WeakMap<NodeDefinition, NodeDefinition>()

function everyNodeIsOutput(lookUp: NodeLookup): NodeLookup {
  return (classType) => {
    const definition = lookUp(classType)
    if (definition === undefined || definition.output_node === true) return definition
    let output = asOutputs.get(definition)
    if (output === undefined) asOutputs.set(definition, (output = { ...definition, output_node: true }))
    return output
  }
}

function checkedGraph(
  { nodes, lookUp }: ReadGraph,
  { catalogue, reached, errors }: { catalogue: NodeCatalogue; reached: ReadonlySet<string>; errors: NodeErrors },
): CheckedGraph {
  const failures = new Map<string, string>()
  const cyclic = new Set<string>()
  for (const [id, { errors: own }] of Object.entries(errors)) {
    for (const { type } of own) {
      if (isFailure(type)) failures.set(id, type)
      if (type === 'dependency_cycle') cyclic.add(id)
    }
  }
  const known = new Map<string, ReadonlyMap<string, DeclaredInput>>()
  const declared = (id: string): ReadonlyMap<string, DeclaredInput> => {
    let inputs = known.get(id)
    if (inputs === undefined) known.set(id, (inputs = declaredBy(nodes, id, lookUp, catalogue)))
    return inputs
  }
  return { nodes, lookUp, catalogue, reached, failures, cyclic, declared }
}

function declaredBy(
  nodes: LinkedNodes,
  id: string,
  lookUp: NodeLookup,
  { rules }: NodeCatalogue,
): ReadonlyMap<string, DeclaredInput> {
  const node = nodes[id]
  const definition = node && lookUp(node.class_type)
  if (node === undefined || definition === undefined) return new Map()
  const inputs = declaredInputs(definition, node.inputs, rules.expandsDynamicInputs)
  return new Map(inputs.map((input) => [input.name, input]))
}

function refusals(errors: NodeErrors, graph: CheckedGraph): readonly CheckProblem[] {
  return Object.entries(errors).flatMap(([id, { errors: own }]) =>
    own.map((error) => describeRefusal(id, error, graph)),
  )
}

/** What ComfyUI would say of a node that it does not look at, unless the rules of graphs say it. */
function ifItWereUsed(problem: CheckProblem, told: ReadonlySet<string | undefined>): readonly CheckProblem[] {
  if (problem.code === 'dependency_cycle' || (isFailure(problem.code) && told.has(problem.node))) return []
  const message = `${problem.message} ComfyUI does not look at it, because no output needs the node.`
  return [{ ...problem, severity: 'warning', kind: 'flawed', message }]
}
