/** What is heard, in 16 bits a sample. */
export interface Sound {
  readonly sampleRate: number
  readonly channelCount: number
  /** One of each channel, then the next of each. */
  readonly samples: Int16Array
}

const formatBytes = 16
const pcm = 1
const bitsPerSample = 16

/** The sound of a WAV file of 16 bits a sample; undefined for anything else. */
export function readWav(bytes: Buffer): Sound | undefined {
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') return undefined
  let format: Buffer | undefined
  for (let at = 12; at + 8 <= bytes.length;) {
    const name = bytes.toString('latin1', at, at + 4)
    const length = bytes.readUInt32LE(at + 4)
    const content = bytes.subarray(at + 8, at + 8 + length)
    if (name === 'fmt ') format = content
    if (name === 'data') return format === undefined ? undefined : soundOf(format, content)
    // Chunks begin at even places.
    at += 8 + length + (length % 2)
  }
  return undefined
}

function soundOf(format: Buffer, data: Buffer): Sound | undefined {
  if (format.length < formatBytes) return undefined
  const channelCount = format.readUInt16LE(2)
  if (format.readUInt16LE(0) !== pcm || format.readUInt16LE(14) !== bitsPerSample) return undefined
  if (channelCount < 1 || channelCount > 8) return undefined
  const count = Math.floor(data.length / (2 * channelCount)) * channelCount
  const samples = Int16Array.from({ length: count }, (_, index) => data.readInt16LE(index * 2))
  return { sampleRate: format.readUInt32LE(4), channelCount, samples }
}
