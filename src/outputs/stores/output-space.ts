/** What is kept, oldest first, and what has to go for it to fit. Knows of names and sizes only. */
export interface OutputSpace {
  /** Size of all outputs that are kept. */
  readonly keptBytes: number
  /** An output is there now, as the newest; in place of one of the same name. */
  add(name: string, output: { readonly jobId: string; readonly sizeBytes: number }): void
  delete(name: string): void
  /**
   * The output is being read, until what this returns is called. Until then no output of its job gives way: whoever reads
   * one of them mostly reads the others after it.
   */
  pin(jobId: string): () => void
  /**
   * The names of what has to be removed, oldest first. None that is being read, of a job that has not ended, or of the job
   * of the newest output, which whoever waited for it has yet to get: with these alone there may be too much.
   */
  surplus(): string[]
}

/**
 * @param maxBytes undefined: everything fits
 * @param isOpen whether a job has not ended. Asked only when there is too much
 */
export function createOutputSpace(maxBytes: number | undefined, isOpen: (jobId: string) => boolean): OutputSpace {
  const kept = new Map<string, { readonly jobId: string; readonly sizeBytes: number }>()
  /** Id of a job → how many read an output of it now. */
  const pins = new Map<string, number>()
  let keptBytes = 0
  let newestJob: string | undefined

  function remove(name: string): void {
    keptBytes -= kept.get(name)?.sizeBytes ?? 0
    kept.delete(name)
  }

  return {
    get keptBytes() {
      return keptBytes
    },
    add(name, output) {
      remove(name)
      kept.set(name, output)
      keptBytes += output.sizeBytes
      newestJob = output.jobId
    },
    delete: remove,
    pin(jobId) {
      pins.set(jobId, (pins.get(jobId) ?? 0) + 1)
      let isPinned = true
      return () => {
        if (!isPinned) return
        isPinned = false
        const left = (pins.get(jobId) ?? 1) - 1
        if (left > 0) pins.set(jobId, left)
        else pins.delete(jobId)
      }
    },
    surplus() {
      if (maxBytes === undefined) return []
      const names: string[] = []
      const stays = new Map<string, boolean>()
      let tooMuch = keptBytes - maxBytes
      for (const [name, { jobId, sizeBytes }] of kept) {
        if (tooMuch <= 0) break
        let isProtected = stays.get(jobId)
        if (isProtected === undefined) {
          isProtected = jobId === newestJob || pins.has(jobId) || isOpen(jobId)
          stays.set(jobId, isProtected)
        }
        if (isProtected) continue
        names.push(name)
        tooMuch -= sizeBytes
      }
      return names
    },
  }
}
