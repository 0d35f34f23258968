/**
 * Bytes that an input store received whole and that have no name yet. Where they are only that store knows. Whoever
 * asked for it releases it in the end.
 */
export class ReceivedFile {
  readonly sha256: string
  readonly sizeBytes: number

  constructor({ sha256, sizeBytes }: { sha256: string; sizeBytes: number }) {
    this.sha256 = sha256
    this.sizeBytes = sizeBytes
  }
}

export function isReceivedFile(value: unknown): value is ReceivedFile {
  return value instanceof ReceivedFile
}
