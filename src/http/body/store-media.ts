import type { InputFile } from '../../inputs/input-file.ts'
import type { InputStore } from '../../inputs/input-store.ts'
import type { MediaField } from '../../workflows/served-workflow.ts'
import { isRecord } from '../../lib/json-record.ts'
import { pointerTo } from '../../lib/json-pointer.ts'
import { fieldRefusal } from './refuse-fields.ts'

export interface MediaStorage {
  readonly inputs: Pick<InputStore, 'put'>
  readonly decodeMedia: (value: string, pointer: string) => Buffer
}

/**
 * Stores the media among raw parameters and puts the names of the stored files in their place. What is neither text nor
 * bytes stays as it is, for the workflow's own check to refuse.
 * @throws GatewayError `unsupported_input`, `storage_unavailable`
 */
export async function storeMedia(
  parameters: Record<string, unknown>,
  fields: readonly MediaField[],
  storage: MediaStorage,
): Promise<InputFile[]> {
  const files = new Map<string, InputFile>()
  const store = async (value: unknown, path: readonly (string | number)[]): Promise<unknown> => {
    if (typeof value !== 'string' && !Buffer.isBuffer(value)) return value
    const pointer = pointerTo(...path)
    const bytes = typeof value === 'string' ? storage.decodeMedia(value, pointer) : value
    const file = await storage.inputs.put(bytes, pointer)
    files.set(file.name, file)
    return file.name
  }
  for (const { path } of fields) await replaceAt(parameters, path, [], store)
  return [...files.values()]
}

async function replaceAt(
  container: unknown,
  [segment, ...rest]: readonly string[],
  walked: readonly (string | number)[],
  replace: (value: unknown, path: readonly (string | number)[]) => Promise<unknown>,
): Promise<void> {
  if (segment === undefined) return
  if (Array.isArray(container) && segment === '*') {
    for (const [index, member] of container.entries()) {
      if (rest.length === 0) container[index] = await replace(member, [...walked, index])
      else await replaceAt(member, rest, [...walked, index], replace)
    }
  } else if (isRecord(container) && Object.hasOwn(container, segment)) {
    if (rest.length === 0) container[segment] = await replace(container[segment], [...walked, segment])
    else await replaceAt(container[segment], rest, [...walked, segment], replace)
  }
}

/** Files may only stand where media belong. @throws GatewayError `validation_error` */
export function refuseStrayFiles(parameters: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(parameters)) {
    const members = Array.isArray(value) ? value : [value]
    if (!members.some((member) => Buffer.isBuffer(member))) continue
    throw fieldRefusal({ pointer: pointerTo(name), code: 'too_many_files', message: 'takes one file' })
  }
}
