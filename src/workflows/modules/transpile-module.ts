import { SourceMap, type SourceMapPayload } from 'node:module'
import { loadTransform } from './load-transform.ts'
import type { Transform } from './transform.ts'

/** JavaScript of a module and the way back from its lines to those of the source. */
export interface TranspiledModule {
  readonly code: string
  readonly map: SourceMapPayload
}

/** @throws ModuleSyntaxError */
export type TranspileModule = (file: string, source: string) => TranspiledModule

/** A module that cannot be parsed. Lines and columns count from 1. */
export class ModuleSyntaxError extends SyntaxError {
  override readonly name = 'ModuleSyntaxError'
  readonly file: string
  readonly line: number | undefined
  readonly column: number | undefined

  constructor(file: string, message: string, position?: { line: number; column: number }) {
    super(message)
    this.file = file
    this.line = position?.line
    this.column = position?.column
  }
}

/**
 * Turns TypeScript into JavaScript: enums work, imports that only types use go away whether or not they say `type`.
 * Plain JavaScript passes unchanged but for its layout, so the same function finds the place of a syntax error in it.
 */
export function createTranspiler(transform: Transform): TranspileModule {
  return (file, source) => {
    const result = transform(file, source, { sourceType: 'module', sourcemap: true })
    const error =
      result.errors.find(({ severity }) => severity === 'Error') ??
      (result.map === undefined ? result.errors[0] : undefined)
    if (error !== undefined || result.map === undefined) {
      const start = error?.labels[0]?.start
      throw new ModuleSyntaxError(
        file,
        error === undefined ? 'the module cannot be parsed' : describe(error.message, error.helpMessage),
        start === undefined ? undefined : positionAt(source, start),
      )
    }
    const { mappings, names, sourcesContent } = result.map
    const map: SourceMapPayload = {
      file,
      version: result.map.version,
      sources: [file],
      sourcesContent: sourcesContent ?? [source],
      names,
      mappings,
      sourceRoot: '',
    }
    return { code: result.code, map }
  }
}

/** Only for folders that hold TypeScript. @param copyTo see `loadTransform` */
export async function loadTranspiler(copyTo?: string): Promise<TranspileModule> {
  return createTranspiler(await loadTransform(copyTo))
}

/** Where a position of the JavaScript comes from. Lines and columns count from 1. */
export function originalPosition(
  map: SourceMapPayload,
  line: number,
  column: number,
): { line: number; column: number } | undefined {
  const origin = new SourceMap(map).findOrigin(line, column)
  return 'lineNumber' in origin ? { line: origin.lineNumber, column: origin.columnNumber } : undefined
}

function describe(message: string, help: string | null): string {
  return help === null ? message : `${message}. ${help}`
}

/** The transpiler counts in bytes of UTF-8. */
function positionAt(source: string, offset: number): { line: number; column: number } {
  const lines = Buffer.from(source).subarray(0, offset).toString().split('\n')
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 }
}
