import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { GatewayError } from './errors/gateway-error.ts'
import { readBodyForm } from './http/body/body-form.ts'
import { parseJson } from './http/body/parse-json.ts'
import { prepareJob } from './http/body/prepare-job.ts'
import { readPart } from './http/body/read-part.ts'
import { bodyOf, type BodyPart } from './http/body/received-body.ts'
import type { MediaStorage } from './http/body/store-media.ts'
import { checkInput, checkReceived } from './inputs/check-input.ts'
import type { InputFile } from './inputs/input-file.ts'
import { ReceivedFile } from './inputs/received-file.ts'
import { refuseInput } from './inputs/refuse-input.ts'
import type { TakenKind } from './inputs/formats/sniff-media.ts'
import { decodeMedia } from './inputs/decode-media.ts'
import { createMediaUrlReader } from './inputs/urls/read-media-url.ts'
import { createUrlRules } from './inputs/urls/url-rules.ts'
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

/**
 * Makes the prompt that a request to a workflow would run, without a server.
 * @throws GatewayError for what is wrong with the parameters, or with the workflow
 */
export async function renderPrompt(request: RenderRequest): Promise<RenderedPrompt> {
  const { warmupCheckpoint } = request
  const opened = await openWorkflow(request.target, { warmupCheckpoint })
  const { workflow } = opened
  const files = createLocalFiles()
  const storage: MediaStorage = {
    inputs: {
      put: (bytes, pointer, kind) => checkInput(bytes, pointer, maxMediaBytes, kind),
      keep: (received, pointer, kind) => files.check(received, pointer, kind),
      release: async () => {},
    },
    decodeMedia,
    useAsset: async (_id, pointer) => {
      throw refuseInput(pointer, 'asset_not_found', 'names an asset, which only a server has; give the file itself.')
    },
    urls: { read: createMediaUrlReader(createUrlRules({ takesHttp: true, allow: [], isPublic: isPublicAddress })) },
  }
  try {
    const texts = await readTexts(workflow, request.parameters, files)
    const parameters = { ...readInput(workflow, request.inputText), ...texts }
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

type LocalFiles = ReturnType<typeof createLocalFiles>

/** Files of this machine, which stay where they are. */
function createLocalFiles() {
  const paths = new Map<ReceivedFile, string>()
  return {
    async open(path: string): Promise<ReceivedFile> {
      const hash = createHash('sha256')
      let sizeBytes = 0
      for await (const chunk of createReadStream(path)) {
        if (!Buffer.isBuffer(chunk)) continue
        hash.update(chunk)
        sizeBytes += chunk.length
      }
      const file = new ReceivedFile({ sha256: hash.digest('hex'), sizeBytes })
      paths.set(file, path)
      return file
    },
    check(file: ReceivedFile, pointer: string, kind?: TakenKind): Promise<InputFile> {
      return checkReceived(file, { kind: 'file', path: paths.get(file) ?? '' }, pointer, kind)
    },
  }
}

async function readTexts(
  workflow: ServedWorkflow,
  parameters: RenderRequest['parameters'],
  files: LocalFiles,
): Promise<Record<string, unknown>> {
  const values = new Map<string, unknown>()
  for (const [name, group] of Map.groupBy(parameters, ([key]) => key)) {
    const takesMedia = workflow.mediaFields.some(({ path }) => path[0] === name)
    const parts = await Promise.all(
      group.map(async ([, text]): Promise<BodyPart> => {
        if (!takesMedia || !text.startsWith('@')) return { name, content: { kind: 'text', text } }
        return { name, content: { kind: 'file', file: await files.open(text.slice(1)) } }
      }),
    )
    values.set(name, readPart(name, parts, workflow))
  }
  return Object.fromEntries(values)
}
