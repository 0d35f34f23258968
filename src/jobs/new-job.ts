import { randomUUID } from 'node:crypto'
import type { StoredJob } from './job-store.ts'
import type { JobRequest } from './jobs.ts'

/** The job of a request, not given to anybody yet. @param caller whose waiting jobs are limited, where they are */
export function newJob(request: JobRequest, caller: string | undefined): StoredJob {
  const { chosenId, tags = [], deadlineMs, retryOf } = request
  const createdAtMs = Date.now()
  return {
    job: {
      id: chosenId?.id ?? randomUUID(),
      promptId: randomUUID(),
      workflow: request.workflow,
      state: 'queued',
      times: { createdAtMs },
      attempt: 0,
      instance: undefined,
      outputs: [],
      error: undefined,
      warnings: [],
      nodeStartsMs: {},
      requestId: request.requestId,
      tags,
      ...(deadlineMs !== undefined && { deadlineAtMs: createdAtMs + deadlineMs }),
      ...(retryOf !== undefined && { retryOf }),
      ...(request.traceparent !== undefined && { traceparent: request.traceparent }),
    },
    payload: {
      input: request.input,
      prompt: request.prompt,
      inputFiles: request.inputFiles,
      outputNames: request.outputNames,
      ...(request.pngInfo !== undefined && { pngInfo: request.pngInfo }),
      previews: request.previews,
      priority: request.priority,
      retry: request.retry,
      limits: request.limits,
      ...(request.convertOutput !== undefined && { convertOutput: request.convertOutput }),
      ...(request.outputMetadata !== undefined && { outputMetadata: request.outputMetadata }),
      ...(request.intermediateOutputs && { intermediateOutputs: true }),
      ...(chosenId !== undefined && { idFingerprint: chosenId.fingerprint }),
      ...(caller !== undefined && { caller }),
    },
  }
}
