import { isRecord } from '../json-record.ts'
import { maxHeldBytes, peek, read, write, type Removal } from './removal-steps.ts'

const jsonChunk = 0x4e4f534a
const graphNames = new Set(['prompt', 'workflow', 'parameters', 'comment', 'extra_pnginfo'])
const graphText = /"class_type"\s*:|"nodes"\s*:\s*\[/

/**
 * Removes graphs from the metadata of a file in the safetensors format, and leaves what programs need to load it. Its
 * header is filled up with blanks, so that everything stays where it is.
 */
export function* removeSafetensorsTexts(): Removal {
  const head = yield* read(8)
  yield* write(head)
  const sizeBytes = Number(head.readBigUInt64LE(0))
  if (sizeBytes > maxHeldBytes) return 'broken'
  return yield* rewriteJson(sizeBytes, (header) => {
    const metadata = header['__metadata__']
    if (!isRecord(metadata)) return header
    const kept = Object.entries(metadata).filter(([name, text]) => !isGraph(name, text))
    const { __metadata__: _all, ...tensors } = header
    return kept.length === 0 ? tensors : { __metadata__: Object.fromEntries(kept), ...tensors }
  })
}

/** Removes `asset.extras` from a binary glTF file (glTF 2.0, section 4.4), in the same way. */
export function* removeGlbTexts(): Removal {
  const head = yield* peek(20)
  if (head.length < 20 || head.readUInt32LE(16) !== jsonChunk) return 'broken'
  yield* write(yield* read(20))
  const sizeBytes = head.readUInt32LE(12)
  if (sizeBytes > maxHeldBytes) return 'broken'
  return yield* rewriteJson(sizeBytes, (document) => {
    const { asset } = document
    if (!isRecord(asset)) return document
    const { extras: _texts, ...rest } = asset
    return { ...document, asset: rest }
  })
}

function isGraph(name: string, text: unknown): boolean {
  return graphNames.has(name.toLowerCase()) || (typeof text === 'string' && graphText.test(text))
}

function* rewriteJson(
  sizeBytes: number,
  change: (document: Record<string, unknown>) => Record<string, unknown>,
): Removal {
  const bytes = yield* read(sizeBytes)
  const document = parse(bytes)
  const changed = document === undefined ? undefined : change(document)
  const written = changed === undefined || changed === document ? bytes : Buffer.from(JSON.stringify(changed))
  const isFitting = written.length <= sizeBytes
  yield* write(isFitting ? written : bytes)
  if (isFitting) yield* write(Buffer.alloc(sizeBytes - written.length, ' '))
  return document !== undefined && isFitting ? 'removed' : 'broken'
}

function parse(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
