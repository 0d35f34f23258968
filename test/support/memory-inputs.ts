import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import type { InputFile } from '../../src/inputs/input-file.ts'
import { ReceivedFile } from '../../src/inputs/received-file.ts'

/** Inputs in memory. Whatever is not empty is a picture. */
export class MemoryInputs {
  readonly stored: { bytes: Buffer; pointer: string }[] = []
  /** What was received and is not released. */
  readonly received = new Map<ReceivedFile, Buffer>()

  async put(bytes: Buffer, pointer: string): Promise<InputFile> {
    const file = await this.checkBytes(bytes, pointer)
    this.stored.push({ bytes, pointer })
    return file
  }

  async receive(source: AsyncIterable<Uint8Array>): Promise<ReceivedFile> {
    const chunks: Uint8Array[] = []
    for await (const chunk of source) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const received = new ReceivedFile({
      sha256: createHash('sha256').update(bytes).digest('hex'),
      sizeBytes: bytes.length,
    })
    this.received.set(received, bytes)
    return received
  }

  async keep(received: ReceivedFile, pointer: string): Promise<InputFile> {
    return this.put(this.received.get(received) ?? Buffer.alloc(0), pointer)
  }

  async open(file: InputFile, range?: { start: number; end: number }): Promise<Readable | undefined> {
    const found = this.stored.find(({ bytes }) => createHash('sha256').update(bytes).digest('hex') === file.sha256)
    if (found === undefined) return undefined
    const bytes = range === undefined ? found.bytes : found.bytes.subarray(range.start, range.end + 1)
    return Readable.from([bytes], { objectMode: false })
  }

  async release(received: ReceivedFile): Promise<void> {
    this.received.delete(received)
  }

  async check(received: ReceivedFile, pointer: string): Promise<InputFile> {
    return this.checkBytes(this.received.get(received) ?? Buffer.alloc(0), pointer)
  }

  async checkBytes(bytes: Buffer, pointer: string): Promise<InputFile> {
    if (bytes.length === 0)
      throw new GatewayError('unsupported_input', { errors: [{ pointer, code: 'empty', message: 'is empty' }] })
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { name: `comfyui-api/${sha256}.png`, sha256, contentType: 'image/png', sizeBytes: bytes.length }
  }
}
