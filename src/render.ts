import { readFile } from 'node:fs/promises'
import { GatewayError } from './errors/gateway-error.ts'
import { readBodyForm } from './http/body/body-form.ts'
import { parseJson } from './http/body/parse-json.ts'
import { prepareJob } from './http/body/prepare-job.ts'
import { readPart } from './http/body/read-part.ts'
import { bodyOf, type BodyPart } from './http/body/received-body.ts'
import { checkInput } from './inputs/check-input.ts'
import type { InputKind } from './inputs/sniff-media.ts'
import { decodeMedia } from './inputs/decode-media.ts'
import { createMediaUrlReader } from './inputs/read-media-url.ts'
import { createUrlRules } from './inputs/url-rules.ts'
import { isPublicAddress } from './lib/public-address.ts'
import { openWorkflow, type WorkflowTarget } from './workflows/open-workflow.ts'
import type { ServedWorkflow } from './workflows/served-workflow.ts'

export interface RenderRequest {
  readonly target: WorkflowTarget
  /** JSON of the parameters, alone or in an envelope. */
  readonly inputText?: string
  /** More parameters as a person writes them; media as `@` and the path of a file. They win over `inputText`. */
  readonly parameters: readonly (readonly [name: string, text: string])[]
  /** What modules written for Salad's comfyui-api find as `config.warmupCkpt`. */
  readonly warmupCheckpoint: string | undefined
}

export interface RenderedPrompt {
  /** The graph in API format. */
  readonly prompt: object
  /** What the author of the workflow should know. */
  readonly warnings: readonly string[]
}

/** What files of the graph are called when somebody has ComfyUI run it. */
const filenamePrefix = 'comfyui-api/render'
const maxMediaBytes = 1024 * 1024 * 1024
const storage = {
  inputs: {
    put: (bytes: Buffer, pointer: string, kind?: InputKind) => checkInput(bytes, pointer, maxMediaBytes, kind),
  },
  decodeMedia,
  urls: { read: createMediaUrlReader(createUrlRules({ takesHttp: true, allow: [], isPublic: isPublicAddress })) },
}

/**
 * Makes the prompt that a request to a workflow would run, without a server.
 * @throws GatewayError for what is wrong with the parameters, or with the workflow
 */
export async function renderPrompt(request: RenderRequest): Promise<RenderedPrompt> {
  const { warmupCheckpoint } = request
  const opened = await openWorkflow(request.target, { warmupCheckpoint })
  const { workflow } = opened
  try {
    const parameters = { ...readInput(workflow, request.inputText), ...(await readTexts(workflow, request.parameters)) }
    const value = workflow.parameterNames.includes('input') ? parameters : { input: parameters }
    const { prompt } = await prepareJob(workflow, { body: bodyOf(value), headers: {}, storage, filenamePrefix })
    return { prompt, warnings: workflow.warnings }
  } finally {
    await opened.close()
  }
}

function readInput(workflow: ServedWorkflow, text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {}
  try {
    return { ...readBodyForm(bodyOf(parseJson(Buffer.from(text))), workflow, {}).parameters }
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'malformed_body') throw error
    throw new GatewayError('malformed_body', { detail: error.detail.replace('The body', 'The input'), cause: error })
  }
}

async function readTexts(
  workflow: ServedWorkflow,
  parameters: RenderRequest['parameters'],
): Promise<Record<string, unknown>> {
  const values = new Map<string, unknown>()
  for (const [name, group] of Map.groupBy(parameters, ([key]) => key)) {
    const takesMedia = workflow.mediaFields.some(({ path }) => path[0] === name)
    const parts = await Promise.all(
      group.map(async ([, text]): Promise<BodyPart> => {
        if (!takesMedia || !text.startsWith('@')) return { name, content: { kind: 'text', text } }
        return { name, content: { kind: 'file', bytes: await readFile(text.slice(1)) } }
      }),
    )
    values.set(name, readPart(name, parts, workflow))
  }
  return Object.fromEntries(values)
}
