import { readFileSync } from 'node:fs'
import type { ModulePosition } from './module-position.ts'

/** A relative import of a file that is not there. */
export class MissingImportError extends Error {
  readonly #specifier: string
  readonly #parent: string

  constructor(specifier: string, parent: string) {
    const isSalads = /^(?:\.\.\/)+(?:comfy|utils|server|image-tools|event-emitters)(?:\.[jt]s)?$/.test(specifier)
    const hint = isSalads ? `; of the files of Salad's comfyui-api there are "../config" and "../types" here` : ''
    super(`cannot find the module "${specifier}"${hint}`)
    this.#specifier = specifier
    this.#parent = parent
  }

  position(): ModulePosition | undefined {
    const lines = readFileSync(this.#parent, 'utf8').split('\n')
    const index = lines.findIndex(
      (line) => line.includes(`'${this.#specifier}'`) || line.includes(`"${this.#specifier}"`),
    )
    const column = lines[index]?.indexOf(this.#specifier)
    return column === undefined ? undefined : { file: this.#parent, line: index + 1, column }
  }
}
