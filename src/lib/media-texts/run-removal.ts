import type { Removal, RemovalOutcome, RemovalStep } from './removal-steps.ts'

const nothing = Buffer.alloc(0)
const blankPieceBytes = 64 * 1024

/** Does the steps of a removal with the bytes that there are. Never throws; holds no more than a step asks for. */
export class RemovalRun {
  /** Known when all bytes were given. */
  outcome: RemovalOutcome = 'broken'
  readonly #removal: Removal
  #step: RemovalStep | undefined
  /** Of a step that takes bytes as they come: how many it still wants. */
  #leftBytes = 0
  #pieces: Buffer[] = []
  #heldBytes = 0
  #isComplete = false

  constructor(removal: Removal) {
    this.#removal = removal
    this.#goOn(nothing)
  }

  /** What can be written now that these bytes came. */
  push(bytes: Buffer): Buffer[] {
    this.#pieces.push(bytes)
    this.#heldBytes += bytes.length
    return this.#advance()
  }

  /** What is left to write, as the file is complete. */
  end(): Buffer[] {
    this.#isComplete = true
    return this.#advance()
  }

  #goOn(answer: Buffer): void {
    const next = this.#next(answer)
    if (next.done === true) {
      this.outcome = next.value
      this.#step = undefined
      return
    }
    this.#step = next.value
    this.#leftBytes = 'sizeBytes' in next.value ? next.value.sizeBytes : 0
  }

  #next(answer: Buffer): IteratorResult<RemovalStep, RemovalOutcome> {
    try {
      return this.#removal.next(answer)
    } catch (error) {
      // A place that a broken file tells of and does not have.
      if (error instanceof RangeError) return { done: true, value: 'broken' }
      throw error
    }
  }

  #advance(): Buffer[] {
    const out: Buffer[] = []
    while (this.#step !== undefined) {
      if (!this.#do(this.#step, out)) {
        if (!this.#isComplete) return out
        // The file ends in the middle of something.
        this.#step = undefined
      }
    }
    for (const piece of this.#pieces) add(out, piece)
    this.#pieces = []
    this.#heldBytes = 0
    return out
  }

  /** False: it needs more bytes. */
  #do(step: RemovalStep, out: Buffer[]): boolean {
    switch (step.kind) {
      case 'write':
        add(out, step.bytes)
        this.#goOn(nothing)
        return true
      case 'read':
        if (this.#heldBytes < step.sizeBytes) return false
        this.#goOn(this.#take(step.sizeBytes))
        return true
      case 'peek': {
        if (this.#heldBytes < step.sizeBytes && !this.#isComplete) return false
        const seen = this.#take(Math.min(step.sizeBytes, this.#heldBytes))
        if (seen.length > 0) this.#pieces.unshift(seen)
        this.#heldBytes += seen.length
        this.#goOn(seen)
        return true
      }
      default:
        return this.#flow(step, out)
    }
  }

  #flow(step: Extract<RemovalStep, { kind: 'pass' | 'drop' | 'blank' }>, out: Buffer[]): boolean {
    while (this.#leftBytes > 0) {
      const piece = this.#pieces[0]
      if (piece === undefined && this.#isComplete && this.#leftBytes === Infinity) break
      if (piece === undefined) return false
      const bytes = this.#take(Math.min(piece.length, this.#leftBytes))
      this.#leftBytes -= bytes.length
      if (step.kind === 'pass') add(out, bytes)
      if (step.kind === 'blank') out.push(...blanks(bytes.length, step.value))
    }
    this.#goOn(nothing)
    return true
  }

  #take(sizeBytes: number): Buffer {
    const parts: Buffer[] = []
    let wanted = sizeBytes
    while (wanted > 0) {
      const piece = this.#pieces.shift()
      if (piece === undefined) break
      if (piece.length > wanted) this.#pieces.unshift(piece.subarray(wanted))
      const part = piece.subarray(0, wanted)
      parts.push(part)
      wanted -= part.length
    }
    this.#heldBytes -= sizeBytes - wanted
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
  }
}

/** What was next to the last part in memory stays one part with it. */
function add(parts: Buffer[], bytes: Buffer): void {
  const last = parts.at(-1)
  if (last?.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset) {
    parts[parts.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + bytes.length)
  } else if (bytes.length > 0) parts.push(bytes)
}

function blanks(sizeBytes: number, value: number): Buffer[] {
  const piece = Buffer.alloc(Math.min(sizeBytes, blankPieceBytes), value)
  const pieces: Buffer[] = []
  for (let left = sizeBytes; left > 0; left -= piece.length) pieces.push(piece.subarray(0, left))
  return pieces
}
