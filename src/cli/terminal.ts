/** Where a command writes for a person. */
export interface Terminal {
  /** A person reads the output directly. */
  readonly isTerminal: boolean
  print(text: string): void
  printError(text: string): void
}

export function createTerminal(): Terminal {
  return {
    isTerminal: process.stdout.isTTY,
    print: (text) => void process.stdout.write(`${text}\n`),
    printError: (text) => void process.stderr.write(`${text}\n`),
  }
}
