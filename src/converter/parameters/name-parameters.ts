import { linkOf, type GraphNode, type PromptGraph } from './prompt-graph.ts'
import { isGeneric, roleOfTitle, slugOf, usualName } from './role-of-title.ts'
import { lastPart, type TextUses } from './classify-input.ts'
import type { Candidate } from './find-candidates.ts'
import { valueHolder } from './input-tables.ts'
import { textKey } from './trace-texts.ts'

/** Names that mean something else beside parameters, or in every object. */
export const reservedParameterNames: ReadonlySet<string> = new Set(['id', 'input', 'webhook', 'constructor'])

/** A name for each candidate, all different: in the order given, and the same whatever the order of the file was. */
export function nameParameters(
  candidates: readonly Candidate[],
  graph: PromptGraph,
  uses: TextUses,
): ReadonlyMap<Candidate, string> {
  const named = new Map<Candidate, string>()
  const used = new Set(reservedParameterNames)
  for (const each of candidates) {
    if (each.wantedName !== undefined) give(each, each.wantedName)
  }
  const groups = new Map<string, Candidate[]>()
  for (const each of candidates) {
    if (named.has(each)) continue
    const base = baseName(each, graph, uses)
    groups.set(base, [...(groups.get(base) ?? []), each])
  }
  for (const [base, group] of groups) {
    const [only] = group
    if (only !== undefined && group.length === 1 && !used.has(base)) give(only, base)
  }
  for (const [base, group] of groups) {
    const open = group.filter((each) => !named.has(each))
    if (open.length === 0) continue
    const names = distinctNames(base, open, graph, used)
    open.forEach((each, index) => give(each, names[index] ?? freeName(base)))
  }
  return named

  function give(each: Candidate, name: string): void {
    named.set(each, name)
    used.add(name)
  }

  function freeName(base: string): string {
    if (!used.has(base)) return base
    let count = 2
    while (used.has(`${base}_${count}`)) count += 1
    return `${base}_${count}`
  }
}

function baseName(each: Candidate, graph: PromptGraph, uses: TextUses): string {
  const usual = usualName(namesOf(each, graph, uses).find((name) => !isGeneric(name)) ?? fallbackName(each))
  return usual === '' ? 'value' : usual
}

/** In falling order of what they say. */
function namesOf(each: Candidate, graph: PromptGraph, uses: TextUses): readonly string[] {
  const label = each.label === undefined ? '' : withoutKind(roleOfTitle(each.label, classNames(each.node)))
  const title = titleRole(each.node)
  const table = each.tableName ?? ''
  const last = slugOf(lastPart(each.input))
  if (each.kind === 'seed') return [label.includes('seed') ? label : '', table]
  const promoted = slugOf(each.promotedName ?? '').replace(/_\d+$/, '')
  // Models are called by what they are, however the author's shelf is labelled.
  if (each.kind === 'model') return [table, last]
  if (each.kind === 'holder' || valueHolder.test(each.node.classType)) {
    return [label, title, ...holderNames(each, graph, uses), promoted]
  }
  if (each.kind === 'media') return [label, title, table]
  return [label, table, promoted, last, title]
}

function fallbackName(each: Candidate): string {
  const last = slugOf(lastPart(each.input))
  if (each.media !== undefined) return each.media
  if (each.kind === 'holder') return wordFor(each)
  return last === '' ? wordFor(each) : last
}

function wordFor({ value, node }: Candidate): string {
  if (node.classType === 'CustomCombo') return 'choice'
  if (typeof value === 'number') return 'number'
  return typeof value === 'boolean' ? 'flag' : 'text'
}

/** `steps_int` is `steps`. */
function withoutKind(role: string): string {
  return role.replace(/_(int|float|boolean|string)$/, '')
}

/** What feeds a value that stands alone: the one name that all its consumers have for it. */
function holderNames(each: Candidate, graph: PromptGraph, uses: TextUses): readonly string[] {
  const use = uses.get(textKey(each.node.id, each.input))
  if (use !== undefined) return [use.negative && !use.positive ? 'negative_prompt' : 'prompt']
  const names = new Set(consumerNames(each.node, graph, new Set()))
  const [name] = names
  return name === undefined || names.size > 1 ? [] : [name]
}

/** Names of the inputs that a node feeds, through switches and other nodes whose inputs say nothing. */
function consumerNames(node: GraphNode, graph: PromptGraph, seen: Set<string>): readonly string[] {
  if (seen.has(node.id)) return []
  seen.add(node.id)
  return graph.consumersOf(node.id).flatMap(({ node: consumer, input }) => {
    const name = usualName(slugOf(lastPart(input)).replace(/_\d+$/, ''))
    const says =
      !isGeneric(name) && !/^(on_true|on_false|any|anything|source|values?|expression|input\w*)(_|$)/.test(name)
    if (says) return [name]
    return consumerNames(consumer, graph, seen)
  })
}

export function titleRole(node: GraphNode): string {
  return node.title === undefined ? '' : withoutKind(roleOfTitle(node.title, classNames(node)))
}

function classNames(node: GraphNode): readonly string[] {
  return [node.classType, node.definition?.display_name ?? ''].filter((name) => name !== '')
}

/** The first way of telling equal names apart that works for all of them at once. */
function distinctNames(
  base: string,
  group: readonly Candidate[],
  graph: PromptGraph,
  used: ReadonlySet<string>,
): readonly string[] {
  const schemes: ((each: Candidate) => string)[] = [
    (each) => combine(titleRole(each.node), base),
    (each) => (each.kind === 'media' ? (mediaUse(each.node, graph, new Set()) ?? '') : ''),
    (each) => (sameNode(group) ? numberedName(each, base) : ''),
    (each) => joined(hostRole(each), base),
  ]
  for (const scheme of schemes) {
    const names = group.map((each) => usualName(scheme(each)))
    const own = names.map((name) => (name === '' ? base : name))
    const isDistinct = new Set(own).size === own.length && own.every((name) => !used.has(name))
    if (isDistinct && names.some((name) => name !== '')) return own
  }
  return numbered(base, group.length, used)
}

function numbered(base: string, count: number, used: ReadonlySet<string>): readonly string[] {
  const names: string[] = []
  for (let number = 1; names.length < count; number += 1) {
    const name = number === 1 ? base : `${base}_${number}`
    if (!used.has(name)) names.push(name)
  }
  return names
}

const maxWords = 4

/** `detail` and `steps` are `detail_steps`; a role that says the same already stands alone. */
function combine(role: string, base: string): string {
  if (isGeneric(role) || usualName(role) === base) return ''
  return role.includes(base) ? role : joined(role, base)
}

function joined(role: string, base: string): string {
  if (isGeneric(role) || usualName(role) === base) return ''
  if (role.endsWith(`_${base}`)) return role
  const both = `${role}_${base}`
  return both.split('_').length > maxWords ? '' : both
}

function hostRole(each: Candidate): string {
  const host = each.host ?? each.node.hint.hosts?.at(-1)
  const role = host === undefined ? '' : roleOfTitle(host)
  return role.split('_').length > maxWords - 1 ? '' : role
}

function sameNode(group: readonly Candidate[]): boolean {
  return new Set(group.map(({ node }) => node.id)).size === 1
}

/** `clip_name2` is the second of its node. */
function numberedName(each: Candidate, base: string): string {
  const number = /(\d+)$/.exec(each.input)?.[1]
  return number === undefined ? '' : `${base}_${number}`
}

const passing =
  /^(image|images|image_?\d+|pixels|input|source|any|video|audio|mask|on_true|on_false|value|samples|file)$/

/** What the media are used as, told by the input they feed, through nodes that only resize or choose. */
function mediaUse(node: GraphNode, graph: PromptGraph, seen: Set<string>): string | undefined {
  if (seen.has(node.id)) return undefined
  seen.add(node.id)
  const names = new Set<string>()
  for (const { node: consumer, input } of graph.consumersOf(node.id)) {
    const name = slugOf(lastPart(input))
    if (!passing.test(name) && !isGeneric(name)) names.add(name)
    else if (resizes(consumer)) {
      const further = mediaUse(consumer, graph, seen)
      if (further !== undefined) names.add(further)
    }
  }
  const [name] = names
  return names.size === 1 ? name : undefined
}

/** Gives what it takes, changed at most in size. */
function resizes(node: GraphNode): boolean {
  const sources = [...node.inputs.values()].filter((value) => linkOf(value) !== undefined)
  return sources.length === 1 && /scale|resize|crop|pad|switch|reroute|batch|components/i.test(node.classType)
}
