/** Memory that is used again: V8 frees large buffers late, and only by looking through everything. */
export interface SpareBuffers {
  /** A buffer with whatever stood in it before. */
  take(): Buffer
  /** Nobody looks at these any more. */
  giveBack(...buffers: readonly Buffer[]): void
}

const maxSpare = 16

export function createSpareBuffers(sizeBytes: number): SpareBuffers {
  const spare: Buffer[] = []
  return {
    take: () => spare.pop() ?? Buffer.allocUnsafeSlow(sizeBytes),
    giveBack(...buffers) {
      for (const buffer of buffers) if (spare.length < maxSpare) spare.push(buffer)
    },
  }
}
