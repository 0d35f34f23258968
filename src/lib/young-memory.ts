import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Looks after the memory of bytes that pass through. */
export interface YoungMemory {
  /** So many bytes came, in buffers that are soon done with. */
  passed(bytes: number): void
}

const everyBytes = 4 * 1024 * 1024

/**
 * Frees buffers that are done with before they cost much. What lives for a moment is freed by a collection of young
 * memory, a matter of a millisecond. One comes when enough objects were made; but bytes in large buffers are few objects,
 * so that V8 sees much memory outside of its heap first, and goes through all of the heap again and again.
 *
 * @param collect collects young memory; V8 does when absent
 */
export function createYoungMemory(collect: () => void = collectYoung()): YoungMemory {
  let passedBytes = 0
  return {
    passed(bytes) {
      passedBytes += bytes
      if (passedBytes < everyBytes) return
      passedBytes = 0
      collect()
    },
  }
}

/** Reaches for V8 when it is first called: a program through which no large files pass runs as it always did. */
function collectYoung(): () => void {
  let gc: ((options: { type: 'minor' }) => void) | undefined
  return () => {
    gc ??= exposedCollector()
    gc({ type: 'minor' })
  }
}

function exposedCollector(): (options: { type: 'minor' }) => void {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('globalThis.gc')
  return typeof gc === 'function' ? (options) => void Reflect.apply(gc, undefined, [options]) : () => {}
}
