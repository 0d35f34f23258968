import { inputType } from '../../../comfyui/wire/object-info.ts'
import { linkIn } from '../../graph/prompt-links.ts'
import type { CheckProblem } from '../check-problem.ts'
import type { CheckedGraph } from './checked-graph.ts'
import { listed } from '../words.ts'

interface Use {
  readonly id: string
  readonly input: string
  readonly slot: number
}

/** Of more nodes only those are told that nothing uses, and how many lead to no others. */
const maxTold = 12

/** Every node that leads to no output, with the reason: ComfyUI leaves it out without a word. */
export function unusedNodes(graph: CheckedGraph): readonly CheckProblem[] {
  const unused = Object.keys(graph.nodes).filter((id) => !graph.reached.has(id))
  if (unused.length === 0) return []
  const uses = usesOf(graph)
  const ends = unused.filter((id) => !uses.has(id))
  const isLong = unused.length > maxTold && ends.length > 0
  const told = isLong ? ends : unused
  return told.slice(0, maxTold).map((id, index) => {
    const classType = graph.nodes[id]?.class_type ?? ''
    const users = [...new Set((uses.get(id) ?? []).map((use) => nameOf(use.id, graph)))]
    const others = index === 0 ? othersIn(unused, told) : ''
    const message =
      users.length === 0
        ? `Nothing uses what it makes: ComfyUI does not run it${others}.`
        : `What it makes goes to ${listed(users)}, which leads to no output: ComfyUI does not run it${others}.`
    const problem = { severity: 'warning', kind: 'flawed', code: 'unused_node', node: id, classType, message } as const
    return users.length > 0
      ? problem
      : { ...problem, fix: aroundIt(id, graph, uses) ?? 'Link an input to it, or remove it.' }
  })
}

function othersIn(unused: readonly string[], told: readonly string[]): string {
  const shown = new Set(told.slice(0, maxTold))
  const others = unused.filter((id) => !shown.has(id))
  if (others.length === 0) return ''
  return `, nor ${others.length} other nodes that lead to no output (${listed(others)})`
}

function usesOf({ nodes }: CheckedGraph): ReadonlyMap<string, readonly Use[]> {
  const uses = new Map<string, Use[]>()
  for (const [id, { inputs }] of Object.entries(nodes)) {
    for (const [input, value] of Object.entries(inputs)) {
      const link = linkIn(value)
      if (link === undefined) continue
      const known = uses.get(link[0])
      const use = { id, input, slot: link[1] }
      if (known === undefined) uses.set(link[0], [use])
      else known.push(use)
    }
  }
  return uses
}

/** How many uses of a node are looked at: graphs of callers may be large. */
const maxUses = 100

/** The input that passes a node by: it takes from the source of this node what this node gives as well. */
function aroundIt(id: string, graph: CheckedGraph, uses: ReadonlyMap<string, readonly Use[]>): string | undefined {
  const node = graph.nodes[id]
  const outputs = graph.lookUp(node?.class_type ?? '')?.output ?? []
  if (node === undefined) return undefined
  for (const [input, value] of Object.entries(node.inputs)) {
    const link = linkIn(value)
    const spec = graph.declared(id).get(input)?.spec
    if (link === undefined || spec === undefined) continue
    const slot = outputs.indexOf(inputType(spec))
    if (slot < 0) continue
    const rivals = (uses.get(link[0]) ?? []).slice(0, maxUses)
    const rival = rivals.find((use) => use.slot === link[1] && use.id !== id && graph.reached.has(use.id))
    if (rival === undefined) continue
    const from = nameOf(link[0], graph)
    return `Link input ${rival.input} of ${nameOf(rival.id, graph)} to ["${id}", ${slot}]: it takes what ${from} gives, around this node.`
  }
  return undefined
}

function nameOf(id: string, { nodes }: CheckedGraph): string {
  return `node ${id} (${nodes[id]?.class_type ?? ''})`
}
