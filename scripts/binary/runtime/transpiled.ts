import { createHash } from 'node:crypto'
import type { SourceMap } from 'oxc-transform'

/** What became of sources when the binary was made, by `sourceKey`. */
export type Transpiled = Readonly<Record<string, { readonly code: string; readonly map: SourceMap }>>

export function sourceKey(source: string): string {
  return createHash('sha256').update(source).digest('hex')
}
