import { cutAtWord } from '../../lib/cut-at-word.ts'
import type { ExportHints } from './export-hints.ts'
import type { PlannedOutput } from './parameter-plan.ts'

const maxSummary = 100
const maxDescription = 2000

/** What a workflow says of itself: its name, and its author's notes. */
export function summarise(
  { name, notes }: ExportHints,
  outputs: readonly PlannedOutput[],
): { summary: string; description?: string } {
  const summary = name === undefined ? '' : titleOf(name)
  const description = describe(notes ?? [])
  return {
    summary: summary === '' ? defaultSummary(outputs) : summary,
    ...(description !== '' && { description }),
  }
}

/** `flux_dev-checkpoint_example` is "Flux dev checkpoint example". */
function titleOf(name: string): string {
  const words = name
    .replace(/\.(json|png|webp|ts)$/i, '')
    .replace(/[_\s]+|(?<=\w)-(?=\w)/g, ' ')
    .trim()
  const title = words.charAt(0).toUpperCase() + words.slice(1)
  return title.length > maxSummary ? `${cutAtWord(title, maxSummary)} …` : title
}

function defaultSummary(outputs: readonly PlannedOutput[]): string {
  const [first] = outputs
  const kind = /^(image|video|audio|text|mask|model|latent|svg)/.exec(first?.name ?? '')?.[0]
  return kind === undefined
    ? 'A ComfyUI workflow'
    : `A ComfyUI workflow that makes ${kind === 'audio' ? 'audio' : `${article(kind)} ${kind}`}`
}

function article(word: string): string {
  return /^[aeiou]/.test(word) ? 'an' : 'a'
}

/** The notes that say something, each once. */
function describe(notes: readonly string[]): string {
  const texts = new Set(notes.map((note) => note.replace(/\r\n?/g, '\n').trim()).filter((note) => note !== ''))
  const text = [...texts].join('\n\n')
  if (text.length <= maxDescription) return text
  const short = text.slice(0, maxDescription)
  const end = short.lastIndexOf('\n\n')
  const kept = withoutOpenEnd(end > 0 ? short.slice(0, end) : `${cutAtWord(short, maxDescription - 1)} …`)
  return kept === '' ? `${cutAtWord(short, maxDescription - 1)} …` : kept
}

/** Without a block of code that does not end, and without headings under which nothing is left. */
function withoutOpenEnd(text: string): string {
  const fences = [...text.matchAll(/^```/gm)]
  const last = fences.length % 2 === 1 ? fences.at(-1)?.index : undefined
  const closed = text.slice(0, last).trimEnd()
  return closed.replace(/(?:(?:^|\n)#{1,6} [^\n]*\s*)+$/, '').trimEnd()
}
