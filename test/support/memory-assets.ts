import { GatewayError } from '../../src/errors/gateway-error.ts'
import type { Asset, Assets } from '../../src/inputs/assets.ts'
import type { InputFile } from '../../src/inputs/input-file.ts'
import type { ReceivedFile } from '../../src/inputs/received-file.ts'
import type { MemoryInputs } from './memory-inputs.ts'

/** Assets in memory that never expire. */
export class MemoryAssets implements Pick<Assets, 'add' | 'get' | 'find' | 'use' | 'remove'> {
  readonly #known = new Map<string, Asset>()
  readonly #inputs: Pick<MemoryInputs, 'keep'>
  /** Ids of those that were used, in this order. */
  readonly uses: string[] = []

  constructor(inputs: Pick<MemoryInputs, 'keep'>) {
    this.#inputs = inputs
  }

  async add(received: ReceivedFile, pointer: string): Promise<{ asset: Asset; isNew: boolean }> {
    const file = await this.#inputs.keep(received, pointer)
    const isNew = !this.#known.has(file.sha256)
    const asset = { id: file.sha256, file, createdAtMs: 1_000, expiresAtMs: 2_000 }
    this.#known.set(asset.id, asset)
    return { asset, isNew }
  }

  get(id: string): Asset | undefined {
    return this.#known.get(id)
  }

  find(id: string, pointer: string): InputFile {
    const asset = this.#known.get(id)
    if (asset !== undefined) return asset.file
    const errors = [{ pointer, code: 'asset_not_found', message: 'names no asset' }]
    throw new GatewayError('unsupported_input', { errors })
  }

  async use(id: string, pointer: string): Promise<InputFile> {
    this.uses.push(id)
    return this.find(id, pointer)
  }

  remove(id: string): boolean {
    return this.#known.delete(id)
  }
}
