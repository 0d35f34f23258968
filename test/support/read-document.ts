/** A fenced block of a page, with what the text around it says of it. */
export interface DocumentBlock {
  readonly language: string
  readonly content: string
  /** Line of its begin, from 1. */
  readonly line: number
  /** The file that the sentence before names, as in "Put this into `tools/enlarge.ts`:". */
  readonly file: string | undefined
}

export type DocumentStep =
  | { readonly kind: 'write'; readonly line: number; readonly file: string; readonly content: string }
  | {
      readonly kind: 'run'
      readonly line: number
      /** Word for word; a line that ends in a backslash goes on. */
      readonly commands: readonly string[]
      /** What the page shows as the answer to the last command. */
      readonly answer: DocumentBlock | undefined
    }
  /** Neither a file nor a command nor the answer to one. */
  | { readonly kind: 'show'; readonly line: number; readonly block: DocumentBlock }

const fence = /^```(\w*)\n([\s\S]*?)^```$/gm
const answerLanguages = new Set(['json', 'http', ''])
const named = /(?:into|in|as|is)\s+`([^`\s]+\.\w+)`:\s*$/

/**
 * The fenced blocks of a Markdown page, in their order.
 * @throws when it has an indented block, which nobody would find
 */
export function readBlocks(markdown: string): readonly DocumentBlock[] {
  const [indented] = /(?<=\n\n) {4}(?![-*] ).*$/m.exec(markdown.replaceAll(fence, '')) ?? []
  if (indented !== undefined) throw new Error(`"${indented.trim()}" is in an indented block; fence it`)
  return [...markdown.matchAll(fence)].map((match) => ({
    language: match[1] ?? '',
    content: match[2] ?? '',
    line: markdown.slice(0, match.index).split('\n').length,
    file: named.exec(markdown.slice(0, match.index))?.[1],
  }))
}

/**
 * What a reader does who follows a page from its begin to its end: files that a sentence tells to write, commands of
 * `sh` blocks, and after these the answer that the page shows. Whatever else is shown is left to the caller.
 */
export function readSteps(markdown: string): readonly DocumentStep[] {
  const steps: DocumentStep[] = []
  const blocks = [...readBlocks(markdown)]
  for (let block = blocks.shift(); block !== undefined; block = blocks.shift()) {
    const { line, language, content, file } = block
    if (file !== undefined) steps.push({ kind: 'write', line, file, content })
    else if (language === 'sh') {
      const [next] = blocks
      const answer =
        next !== undefined && answerLanguages.has(next.language) && next.file === undefined ? blocks.shift() : undefined
      steps.push({ kind: 'run', line, commands: commandsOf(content), answer })
    } else steps.push({ kind: 'show', line, block: { line, language, content, file } })
  }
  return steps
}

function commandsOf(content: string): readonly string[] {
  return content
    .replaceAll('\\\n', '\\\0')
    .split('\n')
    .map((line) => line.replaceAll('\\\0', '\\\n'))
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
}
