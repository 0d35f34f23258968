import type { PromptRules } from './prompt-rules.ts'

/** The type of an input or of an output, ready to be compared. */
export interface LinkType {
  /** A name, a union such as `INT,FLOAT`, or a list of choices. */
  readonly written: unknown
  /** Names of the union; none for a list of choices. */
  readonly members: readonly string[]
  /** It is `*`, or it is a union with `*` in it. */
  readonly any: 'no' | 'whole' | 'member'
  readonly isMatchType: boolean
}

type TypeRules = Pick<PromptRules, 'matchesAnyType' | 'matchesMatchTypes'>

export function linkType(written: unknown): LinkType {
  if (typeof written !== 'string') return { written, members: [], any: 'no', isMatchType: false }
  const members = written.split(',').map((name) => name.trim())
  const any = written === '*' ? 'whole' : members.includes('*') ? 'member' : 'no'
  return { written, members, any, isMatchType: written === 'COMFY_MATCHTYPE_V3' }
}

/** Whether an output may be linked to an input. */
export function typesMatch(received: LinkType, wanted: LinkType, rules: TypeRules): boolean {
  if (received.written === wanted.written) return true
  // Where the server has no rule for it, the classes that use it bring one of their own.
  if (received.any === 'whole' || wanted.any === 'whole') return true
  if (rules.matchesMatchTypes && (received.isMatchType || wanted.isMatchType)) return true
  if (Array.isArray(received.written)) {
    if (wanted.written === 'COMBO') return rules.matchesAnyType
    return Array.isArray(wanted.written) && JSON.stringify(received.written) === JSON.stringify(wanted.written)
  }
  // A list of choices has no members, and a union with `*` in it goes with every other name only.
  if (received.members.length === 0 || wanted.members.length === 0) return false
  if (rules.matchesAnyType && (received.any === 'member' || wanted.any === 'member')) return true
  return received.members.some((name) => wanted.members.includes(name))
}
