import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import { inputLeaves, withLeaf, type InputLeaf } from '../parameters/input-leaves.ts'
import type { WorkflowGraph } from '../workflow-definition.ts'

export interface TraceOptions {
  readonly schema: z.core.$ZodType
  /** Parsed parameters. */
  readonly input: unknown
  readonly generate: (input: unknown) => Promise<WorkflowGraph>
}

/** `pointersOf(node, input)`: the parameters behind an input of a node, the likeliest first. */
export interface TracedParameters {
  pointersOf(nodeId: string, input: string): readonly string[]
}

interface Influence {
  readonly pointer: string
  readonly isDirect: boolean
  readonly reach: number
}

/** Larger requests are traced in part: each parameter costs one more graph. */
const maxLeaves = 200
const maxDurationMs = 2000

/**
 * Finds out which parameter feeds which input of the graph: builds it again with one value changed at a time, and looks
 * where it differs. Inputs that differ between two builds of the same parameters are random, and are left out.
 */
export async function traceParameters({ schema, input, generate }: TraceOptions): Promise<TracedParameters> {
  const influences = new Map<string, Influence[]>()
  const graph = await generate(input)
  const random = new Set(differences(graph, await generate(input)).map(({ key }) => key))
  const endsAt = performance.now() + maxDurationMs
  for (const leaf of inputLeaves(schema, input, maxLeaves)) {
    if (performance.now() > endsAt) break
    const changed = await generate(withLeaf(input, leaf.pointer, leaf.other)).catch(() => undefined)
    if (changed === undefined) continue
    const found = differences(graph, changed).filter(({ key }) => !random.has(key))
    for (const { key, value } of found) {
      const influence = { pointer: leaf.pointer, isDirect: isMadeOf(value, leaf), reach: found.length }
      influences.set(key, [...(influences.get(key) ?? []), influence])
    }
  }
  for (const list of influences.values()) {
    list.sort((a, b) => Number(b.isDirect) - Number(a.isDirect) || a.reach - b.reach)
  }
  return {
    pointersOf: (nodeId, name) => (influences.get(keyOf(nodeId, name)) ?? []).map(({ pointer }) => pointer),
  }
}

/** Inputs that both graphs have and that differ, with the value in the second. */
function differences(before: WorkflowGraph, after: WorkflowGraph): readonly { key: string; value: unknown }[] {
  return Object.entries(before).flatMap(([id, node]) => {
    const inputs = Object.hasOwn(after, id) ? after[id]?.inputs : undefined
    if (inputs === undefined) return []
    return [...new Set([...Object.keys(node.inputs), ...Object.keys(inputs)])]
      .filter((name) => !isDeepStrictEqual(node.inputs[name], inputs[name]))
      .map((name) => ({ key: keyOf(id, name), value: inputs[name] }))
  })
}

function isMadeOf(value: unknown, leaf: InputLeaf): boolean {
  return (
    value === leaf.other || (typeof value === 'string' && typeof leaf.other === 'string' && value.includes(leaf.other))
  )
}

function keyOf(nodeId: string, input: string): string {
  return `${nodeId}\0${input}`
}
