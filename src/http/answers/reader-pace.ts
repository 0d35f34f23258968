/** Less is no reader on a slow line, but one that holds a job. */
const leastBytesPerSecond = 16 * 1024
const looksPerPeriod = 10

/** A connection on which somebody is sent bytes. */
export interface PacedReader {
  /** So far, of this answer and of others before it. */
  readonly sentBytes: number
  /** Bytes are there that it has not taken. */
  readonly isBehind: boolean
}

/**
 * Drops a reader who is behind all through a period and takes too little in it. Who takes nothing is dropped sooner, by
 * the time of the connection; without this one a byte now and then would be enough to stay for ever.
 * @returns stops watching
 */
export function watchReader(reader: PacedReader, periodMs: number, drop: () => void): () => void {
  const leastBytes = (leastBytesPerSecond * periodMs) / 1000
  let looksBehind = 0
  let seenBytes = reader.sentBytes
  const timer = setInterval(() => {
    looksBehind = reader.isBehind ? looksBehind + 1 : 0
    if (looksBehind === 0) seenBytes = reader.sentBytes
    if (looksBehind < looksPerPeriod) return
    const isEnough = reader.sentBytes - seenBytes >= leastBytes
    looksBehind = 0
    seenBytes = reader.sentBytes
    if (isEnough) return
    clearInterval(timer)
    drop()
  }, periodMs / looksPerPeriod)
  return () => clearInterval(timer)
}
