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
export function sortCandidates(
  candidates: readonly Candidate[],
  graph: PromptGraph,
  names?: ReadonlyMap<Candidate, string>,
): readonly Candidate[] {
  const nodeOrder = new Map(graph.nodes.map((node, index) => [node.id, index]))
  const keyed = candidates.map((candidate, index) => ({
    candidate,
    key: keyOf(candidate, index, nodeOrder, names?.get(candidate)),
  }))
  return keyed.sort((a, b) => compareKeys(a.key, b.key)).map(({ candidate }) => candidate)
}

function keyOf(
  each: Candidate,
  index: number,
  nodeOrder: ReadonlyMap<string, number>,
  known?: string,
): readonly number[] {
  const isMarked = each.mark === 'app' || each.mark === 'marked'
  if (isMarked && each.level === 'main') return [0, each.mark === 'app' ? 0 : 1, index]
  const level = each.level === 'off' ? 2 : 1
  const name = known ?? each.tableName ?? usualName(lastPart(each.input))
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
    case 'seed':
      return [6, 0]
    case 'model':
      return [9, 0]
    case 'holder':
    case 'size':
    case 'setting':
      return rankOfName(each, name)
  }
}

/** A value that stands alone is what it is called. */
function rankOfName(each: Candidate, name: string): readonly [number, number] {
  if (name === 'prompt' || name === 'negative_prompt') return [1, name === 'prompt' ? 0 : 1]
  const base = name.replace(/_\d+$/, '')
  const size = sizeOrder.indexOf(base)
  if (size !== -1) return [4, size]
  const setting = settingOrder.indexOf(base)
  if (setting !== -1) return [5, setting]
  if (each.kind === 'holder') return typeof each.value === 'string' ? [2, 0] : [3, 0]
  return [each.mark === undefined ? 8 : 5, settingOrder.length]
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
