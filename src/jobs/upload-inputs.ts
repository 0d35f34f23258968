import type { Prompt } from '../comfyui/wire/prompt.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { InputFile } from '../inputs/input-file.ts'
import type { InputStore } from '../inputs/input-store.ts'
import type { Instance } from '../instances/instance.ts'

export interface UploadOptions {
  readonly instance: Pick<Instance, 'client' | 'uploads' | 'uploadedInputs'>
  readonly inputs: Pick<InputStore, 'open'>
  /** The job does not want it any more. */
  readonly signal: AbortSignal
}

/**
 * Puts the files of a job onto an instance, those that it does not have. The same file is on its way once, however many
 * jobs wait for it.
 * @returns the prompt with the names that the instance gave
 * @throws ComfyuiError, GatewayError `internal_error` when a file is gone, `storage_unavailable`, and the signal's reason
 */
export async function uploadInputs(
  prompt: Prompt,
  files: readonly InputFile[],
  { instance, inputs, signal }: UploadOptions,
): Promise<Prompt> {
  const renamed = new Map<string, string>()
  for (const file of files) {
    if (instance.uploadedInputs.get(file.name) === true) continue
    const name = await instance.uploads.run(file.name, (given) => upload(file, instance, inputs, given), signal)
    if (name === file.name) instance.uploadedInputs.set(name, true)
    else renamed.set(file.name, name)
  }
  return renamed.size === 0 ? prompt : withNames(prompt, renamed)
}

async function upload(
  file: InputFile,
  { client }: UploadOptions['instance'],
  inputs: UploadOptions['inputs'],
  signal: AbortSignal,
): Promise<string> {
  const content = await inputs.open(file)
  if (!content) throw new GatewayError('internal_error', { detail: `The input file ${file.name} of the job is gone.` })
  const { name, contentType, sizeBytes } = file
  return client.uploadInput({ name, contentType, sizeBytes, content }, signal)
}

/** ComfyUI gave some files another name, because its folder holds other bytes under ours. */
function withNames(prompt: Prompt, renamed: ReadonlyMap<string, string>): Prompt {
  return Object.fromEntries(
    Object.entries(prompt).map(([id, node]) => [
      id,
      {
        ...node,
        inputs: Object.fromEntries(
          Object.entries(node.inputs).map(([name, value]) => [
            name,
            typeof value === 'string' ? (renamed.get(value) ?? value) : value,
          ]),
        ),
      },
    ]),
  )
}
