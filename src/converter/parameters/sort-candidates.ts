import type { Candidate } from './find-candidates.ts'
import type { PromptGraph } from './prompt-graph.ts'
import { usualName } from './role-of-title.ts'
import { lastPart } from './classify-input.ts'

/** The order in which a person lists settings, within those of one kind. */
const settingOrder = ['steps', 'cfg', 'guidance', 'sampler_name', 'scheduler', 'denoise', 'shift']
const sizeOrder = [
  'aspect_ratio',
  'resolution',
  'megapixels',
  'width',
  'height',
  'length',
  'duration',
  'seconds',
  'batch_size',
]

/**
 * In the order in which callers read them: what they send, what they say, what they decide, what they may decide, files.
 * Parameters that their author marked stay in the author's order.
 */
export function sortCandidates(candidates: readonly Candidate[], graph: PromptGraph): readonly Candidate[] {
  const nodeOrder = new Map(graph.nodes.map((node, index) => [node.id, index]))
  const keyed = candidates.map((candidate, index) => ({ candidate, key: keyOf(candidate, index, nodeOrder) }))
  return keyed.sort((a, b) => compareKeys(a.key, b.key)).map(({ candidate }) => candidate)
}

function keyOf(each: Candidate, index: number, nodeOrder: ReadonlyMap<string, number>): readonly number[] {
  const isMarked = each.mark === 'app' || each.mark === 'marked'
  if (isMarked && each.level === 'main') return [0, each.mark === 'app' ? 0 : 1, index]
  const level = each.level === 'off' ? 2 : 1
  const name = each.tableName ?? usualName(lastPart(each.input))
  const inputIndex = [...each.node.inputs.keys()].indexOf(each.input)
  return [level, ...rankOf(each, name), each.node.isRoot ? 0 : 1, nodeOrder.get(each.node.id) ?? 0, inputIndex]
}

function rankOf(each: Candidate, name: string): readonly [number, number] {
  switch (each.kind) {
    case 'media':
      return [0, 0]
    case 'prompt':
      return [1, 0]
    case 'negative_prompt':
      return [1, 1]
    case 'holder':
      return typeof each.value === 'string' ? [2, 0] : [3, 0]
    case 'size':
      return [4, Math.max(0, sizeOrder.indexOf(name))]
    case 'seed':
      return [6, 0]
    case 'setting': {
      const place = settingOrder.indexOf(name)
      return [each.mark === undefined && place === -1 ? 8 : 5, place === -1 ? settingOrder.length : place]
    }
    case 'model':
      return [9, 0]
  }
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
