import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import { completePrompt } from './complete-prompt.ts'
import { findFileInputs, whyUnsafeName, withoutInputMark, type FileInput } from './find-file-inputs.ts'
import { withoutCallersTexts } from '../parameters/input-leaves.ts'
import { traceParameters } from './trace-parameters.ts'
import type { WorkflowGraph } from '../workflow-definition.ts'

export interface CheckFileInputsOptions {
  readonly schema: z.core.$ZodType
  readonly input: unknown
  readonly uploads: ReadonlySet<string>
  readonly generate: (input: unknown) => Promise<WorkflowGraph>
  readonly nodes: NodeLookup
}

/**
 * Every file that the prompt names is an upload of this request or a constant of the module. A constant is what stays
 * the same when every text of the caller is another one; the graph is built again to see that, only when there is a name
 * that is no upload.
 * @throws GatewayError `unsafe_prompt`
 */
export async function checkFileInputs(prompt: Prompt, options: CheckFileInputsOptions): Promise<void> {
  const named = findFileInputs(prompt, options.nodes).filter(({ value }) => !isUpload(value, options.uploads))
  for (const file of named) {
    const reason = whyUnsafeName(file.value)
    if (reason === undefined) continue
    refuse(file, `names a file that is not allowed: ${reason}`, await parameterBehind(file, options))
  }
  const [first] = named
  if (first === undefined) return
  const other = await buildWithOtherTexts(options)
  const chosen = named.find((file) => {
    const node = other !== undefined && Object.hasOwn(other, file.id) ? other[file.id] : undefined
    return node === undefined || !isDeepStrictEqual(node.inputs[file.input], prompt[file.id]?.inputs[file.input])
  })
  if (chosen === undefined) return
  const parameter = await parameterBehind(chosen, options)
  refuse(
    chosen,
    `would name a file of the caller's choice${parameter === undefined ? '' : ` (${parameter})`}: declare the parameter with image() of 'comfyui-api', or as an enum of the files that are allowed`,
    parameter,
  )
}

function isUpload(value: string, uploads: ReadonlySet<string>): boolean {
  return uploads.has(value) || uploads.has(withoutInputMark(value))
}

/** Undefined when the module cannot do without the texts of the caller: then nothing can be told of them. */
async function buildWithOtherTexts(options: CheckFileInputsOptions): Promise<Prompt | undefined> {
  try {
    const input = withoutCallersTexts(options.schema, options.input, options.uploads)
    return completePrompt(await options.generate(input), '')
  } catch {
    return undefined
  }
}

async function parameterBehind(file: FileInput, options: CheckFileInputsOptions): Promise<string | undefined> {
  const traced = await traceParameters(options).catch(() => undefined)
  return traced?.pointersOf(file.id, file.input)[0]
}

function refuse({ id, classType, input }: FileInput, what: string, pointer: string | undefined): never {
  const detail = `node ${id} (${classType}), input ${input}: ${what}`
  throw new GatewayError('unsafe_prompt', {
    detail,
    errors: [
      {
        ...(pointer !== undefined && { pointer }),
        code: 'unsafe_prompt',
        message: detail,
        node: { id, classType, input },
      },
    ],
  })
}
