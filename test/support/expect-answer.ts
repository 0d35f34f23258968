import { expect } from 'vitest'
import type { DocumentBlock } from './read-document.ts'

/**
 * Compares what a command printed with what a page shows of it. In JSON the page may leave out members and end lists
 * early, and `…` in a text stands for anything; in everything else each line of the page is one of the answer.
 */
export function expectAnswer(answer: string, { language, content }: DocumentBlock): void {
  if (language === 'json') {
    expect(JSON.parse(answer)).toEqual(pattern(JSON.parse(content)))
    return
  }
  const lines = answer.split(/\r?\n/)
  for (const line of content.trimEnd().split('\n')) {
    expect(lines, answer).toContainEqual(pattern(line))
  }
}

function pattern(shown: unknown): unknown {
  if (typeof shown === 'string') return shown.includes('…') ? expect.stringMatching(matcher(shown)) : shown
  if (Array.isArray(shown)) {
    const members = shown.map(pattern)
    return shown.at(-1) === '…' ? expect.arrayContaining(members.slice(0, -1)) : members
  }
  if (typeof shown !== 'object' || shown === null) return shown
  return expect.objectContaining(Object.fromEntries(Object.entries(shown).map(([key, value]) => [key, pattern(value)])))
}

function matcher(shown: string): RegExp {
  const parts = shown.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('[\\s\\S]*')}$`)
}
