import { isDeepStrictEqual } from 'node:util'
import type { PromptInput } from '../../comfyui/wire/prompt.ts'
import {
  classifyInput,
  isParameterValue,
  whySealed,
  type InputKind,
  type InputMeaning,
  type TextUses,
} from './classify-input.ts'
import type { ExportHints, InputReference, SharedInput } from './export-hints.ts'
import { markedNode } from './input-tables.ts'
import type { Media, ParameterLevel } from './parameter-plan.ts'
import { compareIds, type GraphNode, type PromptGraph } from './prompt-graph.ts'

/** A value of the prompt that a parameter could stand for. */
export interface Candidate {
  readonly kind: InputKind
  readonly level: ParameterLevel | 'never'
  /** The inputs that have the value, the one that gives the name first. */
  readonly targets: readonly InputReference[]
  readonly node: GraphNode
  readonly input: string
  readonly value: PromptInput
  readonly media?: Media
  /** Name by the tables. */
  readonly tableName: string | undefined
  /** By whom it is marked as a parameter, in falling order of what that says. */
  readonly mark: 'asked' | 'app' | 'marked' | 'promoted' | undefined
  /** What its author called it. */
  readonly label?: string
  /** The name of a promoted input in its file. */
  readonly promotedName?: string
  /** What the subgraph around it is called. */
  readonly host?: string
  /** Name that was asked for. */
  readonly wantedName?: string
}

/**
 * Every literal value that reaches an output, once: values that the editor shows as one are one. In the order of the
 * graph, whatever the order of the file was.
 */
export function findCandidates(graph: PromptGraph, hints: ExportHints, uses: TextUses): readonly Candidate[] {
  const taken = new Set<string>()
  const found: Candidate[] = []
  for (const shared of hints.appInputs ?? []) add(shared, 'app', 'main')
  for (const node of graph.nodes) {
    const marked = markedNode(node.classType)
    if (marked === undefined || !node.inputs.has(marked.value)) continue
    const label = [marked.id, marked.label].map((key) => (key === undefined ? undefined : node.inputs.get(key)))
    const name = label.find((text) => typeof text === 'string' && text !== '')
    const isTheValue = marked.id === marked.value
    const shared: SharedInput = {
      name: typeof name === 'string' && !isTheValue ? name : (node.title ?? ''),
      ...(typeof name === 'string' && !isTheValue && { label: name }),
      targets: [{ node: node.id, input: marked.value }],
    }
    add(shared, 'marked', 'main')
  }
  const isMarked = found.length > 0
  for (const promoted of hints.promoted ?? []) {
    const isShown = promoted.depth === 0
    add(promoted, isShown ? 'promoted' : undefined, isShown ? 'main' : undefined, promoted.host)
  }
  for (const node of graph.nodes) {
    for (const input of node.inputs.keys())
      add({ name: input, targets: [{ node: node.id, input }] }, undefined, undefined)
  }
  const limited = isMarked ? found.map((each) => (isByAuthor(each) ? each : atMostAdvanced(each))) : found
  return settle(limited, graph, hints)

  function add(shared: SharedInput, mark: Candidate['mark'], level: ParameterLevel | undefined, host?: string): void {
    const targets = shared.targets.filter(({ node, input }) => {
      const known = graph.get(node)
      if (known === undefined || !graph.reachesOutput(node) || taken.has(keyOf(node, input))) return false
      return isParameterValue(known.inputs.get(input), known.specs.get(input))
    })
    const [first] = targets
    const node = first === undefined ? undefined : graph.get(first.node)
    if (first === undefined || node === undefined) return
    const value = node.inputs.get(first.input) ?? null
    const same = targets.filter((target) => isDeepStrictEqual(graph.get(target.node)?.inputs.get(target.input), value))
    const meaning = classifyInput(graph, node, first.input, uses)
    for (const target of same) taken.add(keyOf(target.node, target.input))
    found.push({
      kind: meaning.kind,
      level: level === undefined ? meaning.level : markedLevel(meaning, node, first.input, mark),
      targets: same,
      node,
      input: first.input,
      value,
      ...(meaning.media !== undefined && { media: meaning.media }),
      tableName: meaning.name,
      mark,
      ...labelOf(shared, node, first.input),
      ...(mark !== undefined && { promotedName: shared.name }),
      ...(host !== undefined && { host }),
    })
  }
}

function labelOf(shared: SharedInput, node: GraphNode, input: string): { label?: string } {
  const label = shared.label ?? node.hint.labels?.[input]
  return label === undefined ? {} : { label }
}

/** App mode shows what its author chose, whatever it is; elsewhere model files and selectors stay what they are. */
function markedLevel(
  meaning: InputMeaning,
  node: GraphNode,
  input: string,
  mark: Candidate['mark'],
): Candidate['level'] {
  if (whySealed(node, input) !== undefined) return 'never'
  if (mark === 'app' || mark === 'marked') return 'main'
  if (meaning.level === 'never' || meaning.kind === 'model') return meaning.level
  return 'main'
}

function isByAuthor({ mark }: Candidate): boolean {
  return mark === 'app' || mark === 'marked'
}

/** Beside what the author chose nothing else is asked of callers first; media cannot do without them. */
function atMostAdvanced(candidate: Candidate): Candidate {
  return candidate.level === 'main' && candidate.kind !== 'media' ? { ...candidate, level: 'advanced' } : candidate
}

function keyOf(node: string, input: string): string {
  return `${node}\0${input}`
}

/** More of the same class and input than this are a recipe. */
const maxAlike = 3

function settle(found: readonly Candidate[], graph: PromptGraph, hints: ExportHints): readonly Candidate[] {
  return dropRecipes(mergeEqual(mergeSeeds(found, hints), graph))
}

/** Whether the editor leaves the value of an input as it is; undefined where nothing is known. */
export function isFixed({ targets }: Pick<Candidate, 'targets'>, hints: ExportHints): boolean {
  const controls = targets.map(({ node, input }) => hints.nodes?.get(node)?.controls?.[input])
  return controls.some((control) => control === 'fixed') && controls.every((c) => c === undefined || c === 'fixed')
}

/** All seeds that are another one each time are one parameter; of those that stay, one is. */
function mergeSeeds(found: readonly Candidate[], hints: ExportHints): readonly Candidate[] {
  const seeds = found.filter((each) => each.kind === 'seed' && each.mark === undefined && isOffered(each))
  const changing = seeds.filter((seed) => !isFixed(seed, hints))
  const [first] = changing.length > 0 ? changing : seeds
  if (first === undefined) return found
  const isOne = (seed: Candidate) =>
    changing.length > 0 ? changing.includes(seed) : isDeepStrictEqual(seed.value, first.value)
  const together = seeds.filter(isOne)
  return found.flatMap((each) => {
    if (each === first) return [join(first, together)]
    if (!seeds.includes(each)) return [each]
    return together.includes(each) ? [] : [{ ...each, level: 'off' as const }]
  })
}

const sharedSizes = new Set(['width', 'height', 'length', 'fps'])

/** Equal values that mean the same are one parameter. */
function mergeEqual(found: readonly Candidate[], graph: PromptGraph): readonly Candidate[] {
  const groups = new Map<string, Candidate[]>()
  for (const each of found) {
    const key = mergeKey(each)
    if (key === undefined) continue
    groups.set(key, [...(groups.get(key) ?? []), each])
  }
  const order = new Map(graph.nodes.map((node, index) => [node.id, index]))
  const gone = new Set<Candidate>()
  const joined = new Map<Candidate, Candidate>()
  for (const group of groups.values()) {
    const [first, ...others] = group.toSorted(
      (a, b) =>
        Number(b.mark !== undefined) - Number(a.mark !== undefined) ||
        Number(b.level === 'main') - Number(a.level === 'main') ||
        (order.get(a.node.id) ?? 0) - (order.get(b.node.id) ?? 0) ||
        compareIds(a.node.id, b.node.id),
    )
    if (first === undefined) continue
    const same = others.filter(({ mark }) => mark === undefined || mark === 'promoted')
    if (same.length === 0) continue
    for (const other of same) gone.add(other)
    joined.set(first, join(first, [first, ...same]))
  }
  return found.filter((each) => !gone.has(each)).map((each) => joined.get(each) ?? each)
}

function mergeKey(each: Candidate): string | undefined {
  if (!isOffered(each) || each.kind === 'media' || each.kind === 'seed') return undefined
  const value = JSON.stringify(each.value)
  const isText = each.kind === 'prompt' || each.kind === 'negative_prompt'
  if (isText) return each.mark === undefined ? `${each.kind}\0${each.tableName ?? ''}\0${value}` : undefined
  if (each.kind === 'model') return `${each.tableName ?? each.input}\0${value}`
  if (each.mark !== undefined && typeof each.value === 'string') return undefined
  if (each.tableName !== undefined && sharedSizes.has(each.tableName)) return `${each.tableName}\0${value}`
  if (each.kind === 'holder') return undefined
  return [each.node.classType, each.input, each.level, each.label ?? '', value].join('\0')
}

function isOffered({ level }: Candidate): boolean {
  return level === 'main' || level === 'advanced'
}

function join(first: Candidate, all: readonly Candidate[]): Candidate {
  const others = all.filter((each) => each !== first).flatMap((each) => each.targets)
  return { ...first, targets: [...first.targets, ...others] }
}

function dropRecipes(found: readonly Candidate[]): readonly Candidate[] {
  const counts = new Map<string, number>()
  const kindOf = (each: Candidate) => [each.node.classType, each.input].join('\0')
  const isCounted = (each: Candidate) => isOffered(each) && each.mark === undefined && each.kind !== 'media'
  for (const each of found) if (isCounted(each)) counts.set(kindOf(each), (counts.get(kindOf(each)) ?? 0) + 1)
  return found.map((each) =>
    isCounted(each) && (counts.get(kindOf(each)) ?? 0) > maxAlike ? { ...each, level: 'off' as const } : each,
  )
}
