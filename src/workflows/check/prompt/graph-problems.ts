import { brokenRules, type BrokenRule } from '../../graph/graph-rules.ts'
import type { CheckProblem, ProblemKind, ProblemSeverity } from '../check-problem.ts'
import type { CheckedGraph } from './checked-graph.ts'

/** From here on chains end ComfyUI's worker; the rule of graphs keeps a distance. */
const deadlyChainLength = 975

/**
 * What the rules of graphs say, with what ComfyUI makes of it. A request with such a graph is refused in any case. Errors
 * of links that ComfyUI finds itself are told as its own.
 */
export function graphProblems(graph: CheckedGraph): readonly CheckProblem[] {
  return [...brokenRules(graph.nodes, graph.lookUp)].flatMap((broken) => {
    const { code, place } = broken
    if (code === 'dependency_cycle' && place !== undefined && graph.cyclic.has(place.id)) return []
    return [problemOf(broken, graph)]
  })
}

function problemOf(broken: BrokenRule, graph: CheckedGraph): CheckProblem {
  const { code, place, what } = broken
  const { severity, kind } = gravityOf(broken, graph)
  const input = place?.input
  const value = place === undefined || input === undefined ? undefined : graph.nodes[place.id]?.inputs[input]
  const remark = severity === 'warning' ? '; ComfyUI does not mind, and the gateway refuses it' : ''
  const isDeclared = place !== undefined && input !== undefined && graph.declared(place.id).has(input)
  const failure = isDeclared && isLinkRule(code) ? graph.failures.get(place.id) : undefined
  return {
    severity,
    kind,
    code: (kind === 'refused' ? failure : undefined) ?? code,
    ...(place !== undefined && { node: place.id, classType: place.classType }),
    ...(input !== undefined && { input }),
    ...(value !== undefined && { value }),
    message: `${what.charAt(0).toUpperCase()}${what.slice(1)}${remark}.`,
    ...fixOf(code),
  }
}

function isLinkRule(code: BrokenRule['code']): boolean {
  return code === 'unknown_source' || code === 'slot_out_of_range' || code === 'invalid_slot'
}

function gravityOf(
  { code, place, chainLength = 0, isPythonIndex = false }: BrokenRule,
  graph: CheckedGraph,
): { readonly severity: ProblemSeverity; readonly kind: ProblemKind } {
  const flawed = { severity: 'warning', kind: 'flawed' } as const
  if (code === 'chain_too_long') {
    return chainLength >= deadlyChainLength ? { severity: 'error', kind: 'fatal' } : flawed
  }
  if (place?.input === undefined || !graph.reached.has(place.id)) return flawed
  // Where ComfyUI has not looked yet, because it refuses the graph for something else, it would find these next.
  const isPlain = Array.isArray(graph.nodes[place.id]?.inputs[place.input])
  const isSeen = isPlain && isLinkRule(code) && graph.declared(place.id).has(place.input)
  if (isSeen && !isPythonIndex) return { severity: 'error', kind: 'refused' }
  switch (code) {
    case 'unknown_source':
    case 'slot_out_of_range':
      return { severity: 'error', kind: 'fatal' }
    case 'invalid_slot':
      return isPythonIndex ? flawed : { severity: 'error', kind: 'fatal' }
    case 'dependency_cycle':
      return { severity: 'error', kind: 'fails' }
    default:
      return flawed
  }
}

function fixOf(code: BrokenRule['code']): Pick<CheckProblem, 'fix'> {
  switch (code) {
    case 'unknown_source':
    case 'link_inside_value':
      return { fix: 'Link to a node of the graph, or leave the input out.' }
    case 'invalid_slot':
    case 'slot_out_of_range':
      return { fix: 'Link to an output that the node has; the first one is 0.' }
    case 'dependency_cycle':
      return { fix: 'Cut one of the links of the cycle.' }
    default:
      return {}
  }
}
