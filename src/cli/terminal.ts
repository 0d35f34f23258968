/** Where a command writes for a person. */
export interface Terminal {
  /** A person reads the output directly. */
  readonly isTerminal: boolean
  print(text: string): void
  printError(text: string): void
  /** Characters in a line, where a person reads the output directly. */
  readonly columns?: number | undefined
  /** Resolves when all that was printed is out, or nobody reads it any more. Before that an exit may cut it. */
  flush(): Promise<void>
}

export function createTerminal(): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read the output has enough, as `head` has.
    if (error.code !== 'EPIPE') throw error
  })
  return {
    isTerminal: process.stdout.isTTY,
    print: (text) => void process.stdout.write(`${text}\n`),
    printError: (text) => void process.stderr.write(`${text}\n`),
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    flush: () => new Promise((resolve) => process.stdout.write('', () => resolve())),
  }
}
