/** What a remover of texts asks for, one after the other, on its way through a file that comes in pieces. */
export type RemovalStep =
  /** Exactly so many bytes, which are gone then. Where the file ends before, they are written as they are. */
  | { readonly kind: 'read'; readonly sizeBytes: number }
  /** Up to so many bytes, which stay; fewer only before the end of the file. */
  | { readonly kind: 'peek'; readonly sizeBytes: number }
  /** Infinity: all that is left. */
  | { readonly kind: 'pass'; readonly sizeBytes: number }
  | { readonly kind: 'drop'; readonly sizeBytes: number }
  /** The same number of bytes with this value. */
  | { readonly kind: 'blank'; readonly sizeBytes: number; readonly value: number }
  | { readonly kind: 'write'; readonly bytes: Buffer }

/** `unknown`: the format is none that is known. `broken`: texts behind what cannot be read may be left. */
export type RemovalOutcome = 'removed' | 'unknown' | 'broken'

/** Walks through a file and says what becomes of it. What it leaves when it is done is written as it is. */
export type Removal<Result = RemovalOutcome> = Generator<RemovalStep, Result, Buffer>

/** The largest part of a file that is held in memory. What carries texts and is larger is blanked or dropped whole. */
export const maxHeldBytes = 16 * 1024 * 1024

export function* read(sizeBytes: number): Removal<Buffer> {
  return yield { kind: 'read', sizeBytes }
}

export function* peek(sizeBytes: number): Removal<Buffer> {
  return yield { kind: 'peek', sizeBytes }
}

export function* pass(sizeBytes: number): Removal<void> {
  yield { kind: 'pass', sizeBytes }
}

export function* drop(sizeBytes: number): Removal<void> {
  yield { kind: 'drop', sizeBytes }
}

export function* blank(sizeBytes: number, value = 0): Removal<void> {
  yield { kind: 'blank', sizeBytes, value }
}

export function* write(bytes: Buffer): Removal<void> {
  yield { kind: 'write', bytes }
}
