import { resolve } from 'node:path'

export interface Program {
  readonly command: string
  /** What comes before the arguments of the program itself. */
  readonly args: readonly string[]
}

/** The program as people start it: the binary that the variable BINARY names, or the launcher in this checkout. */
export function programUnderTest(): Program {
  const binary = process.env['BINARY']
  if (binary !== undefined && binary !== '') return { command: resolve(binary), args: [] }
  return { command: process.execPath, args: [resolve(import.meta.dirname, '..', '..', 'bin', 'comfyui-api.js')] }
}
