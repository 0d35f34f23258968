import type { IncomingHttpHeaders } from 'node:http'
import type { JobRequest } from '../../jobs/jobs.ts'
import { mintFilenamePrefix } from '../../workflows/graph/filename-prefix.ts'
import type { ServedWorkflow } from '../../workflows/served-workflow.ts'
import { readBodyForm } from './body-form.ts'
import type { CallOptions } from './call-option-table.ts'
import { maxStringLength, refuseLongStrings } from './complexity.ts'
import type { FetchControl } from './fetch-urls.ts'
import type { ReceivedBody } from './received-body.ts'
import { forRepeat, refuseStrayFiles, storeMedia, type MediaStorage } from './store-media.ts'

/** What a job is made of, all but what the request around it says. */
export type PreparedJob = Omit<JobRequest, 'requestId' | 'traceparent' | 'idempotency' | 'chosenId' | 'deadlineMs'> &
  Pick<CallOptions, 'id' | 'deadline' | 'convert_output' | 'output_metadata' | 'intermediate_outputs'>

/** A request to run a workflow, and where its media go. */
export interface RunRequest {
  readonly body: ReceivedBody
  readonly headers: Readonly<IncomingHttpHeaders>
  readonly storage: MediaStorage
  /** How files that the prompt saves are called; one of its own unless given. */
  readonly filenamePrefix?: string
  readonly fetching?: FetchControl
}

/**
 * Turns a body into what a job is made of: media stored, parameters checked, the prompt built. The files of the body are
 * released.
 * @throws GatewayError for every mistake of the caller or of the workflow
 */
export async function prepareJob(workflow: ServedWorkflow, request: RunRequest): Promise<PreparedJob> {
  const { body, storage } = request
  try {
    return await prepare(workflow, request)
  } finally {
    await Promise.all(body.files.map((file) => storage.inputs.release(file)))
  }
}

async function prepare(
  workflow: ServedWorkflow,
  { body, headers, storage, filenamePrefix = mintFilenamePrefix(), fetching }: RunRequest,
): Promise<PreparedJob> {
  const { parameters, options } = readBodyForm(body, workflow, headers)
  const hasMedia = workflow.mediaFields.length > 0
  const parse = () => {
    if (body.content.kind === 'parts') refuseStrayFiles(parameters)
    if (body.sizeBytes > maxStringLength) refuseLongStrings(parameters)
    return workflow.parse(parameters)
  }
  const media = fetching?.isRepeat(options.id) === true ? forRepeat(storage) : storage
  const inputFiles = hasMedia
    ? await storeMedia(parameters, workflow.mediaFields, media, { beforeFetch: parse, signal: fetching?.signal })
    : []
  const input = parse()
  const prompt = await workflow.build(input, {
    uploads: new Set(inputFiles.map((file) => file.name)),
    filenamePrefix,
  })
  return {
    workflow: workflow.name,
    input,
    prompt,
    inputFiles,
    outputNames: workflow.definition.outputs ?? {},
    ...options,
    limits: limitsOf(workflow),
  }
}

function limitsOf({ definition: { limits = {} } }: ServedWorkflow): PreparedJob['limits'] {
  const { queueTimeoutSeconds, runTimeoutSeconds, stallTimeoutSeconds } = limits
  return {
    ...(queueTimeoutSeconds !== undefined && { queueTimeoutMs: queueTimeoutSeconds * 1000 }),
    ...(runTimeoutSeconds !== undefined && { runTimeoutMs: runTimeoutSeconds * 1000 }),
    ...(stallTimeoutSeconds !== undefined && { stallTimeoutMs: stallTimeoutSeconds * 1000 }),
  }
}
