import { distance } from 'fastest-levenshtein'

/** Longer names are never typing mistakes of ours, and comparing them costs time a caller could abuse. */
const maxNameLength = 200

/**
 * The known name that was most likely meant: the same one in another case or with other separators
 * (`negativePrompt` for `negative_prompt`), else the one with the fewest typing mistakes (at most one per three
 * characters, or two neighbours swapped), else one that has all words of `name`, or the other way round
 * (`seed` for `noise_seed`). The first one wins among equals. `undefined` when nothing is near.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > maxNameLength) return undefined
  const wanted = analyse(name)
  if (wanted.letters === '') return undefined
  let nearest: { name: string; rank: number; mistakes: number } | undefined
  for (const candidate of known) {
    if (candidate.length > maxNameLength) continue
    const match = compare(wanted, analyse(candidate))
    if (match === undefined) continue
    if (
      nearest === undefined ||
      match.rank < nearest.rank ||
      (match.rank === nearest.rank && match.mistakes < nearest.mistakes)
    ) {
      nearest = { name: candidate, ...match }
    }
  }
  return nearest?.name
}

/** Names that may have been meant, the likeliest first. Asks for each of them: meant for when something is refused. */
export function nearestNames(name: string, known: Iterable<string>, limit: number): readonly string[] {
  const others = new Set(known)
  const nearest: string[] = []
  while (nearest.length < limit) {
    const next = nearestName(name, others)
    if (next === undefined) break
    nearest.push(next)
    others.delete(next)
  }
  return nearest
}

interface AnalysedName {
  readonly words: readonly string[]
  readonly letters: string
}

function analyse(name: string): AnalysedName {
  const words = name
    .replace(/(\p{Ll}|\p{N})(?=\p{Lu})/gu, '$1 ')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
  return { words, letters: words.join('') }
}

function compare(wanted: AnalysedName, candidate: AnalysedName): { rank: number; mistakes: number } | undefined {
  if (candidate.letters === '') return undefined
  if (wanted.letters === candidate.letters) return { rank: 0, mistakes: 0 }
  const longest = Math.max(wanted.letters.length, candidate.letters.length)
  const allowed = longest < 3 ? 0 : Math.max(1, Math.floor(longest / 3))
  const hasAllWords = containsAll(wanted.words, candidate.words) || containsAll(candidate.words, wanted.words)
  if (!hasAllWords && Math.abs(wanted.letters.length - candidate.letters.length) > allowed) return undefined
  const mistakes = distance(wanted.letters, candidate.letters)
  if (mistakes <= allowed || (mistakes === 2 && hasSwappedNeighbours(wanted.letters, candidate.letters))) {
    return { rank: 1, mistakes }
  }
  return hasAllWords ? { rank: 2, mistakes } : undefined
}

function containsAll(words: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((word) => words.includes(word))
}

function hasSwappedNeighbours(a: string, b: string): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length - 1; index += 1) {
    if (a[index] === b[index]) continue
    return a[index] === b[index + 1] && a[index + 1] === b[index] && a.slice(index + 2) === b.slice(index + 2)
  }
  return false
}
