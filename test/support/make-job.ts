import { randomUUID } from 'node:crypto'
import type { Job, JobAttempt, JobPayload, JobState } from '../../src/jobs/job.ts'
import type { StoredJob } from '../../src/jobs/job-store.ts'

export function makeJob(changes: Partial<Job> = {}): Job {
  const id = changes.id ?? randomUUID()
  return {
    id,
    promptId: id,
    workflow: 'qwen/qwen_base_txt2img',
    state: 'queued',
    times: { createdAtMs: 1_700_000_000_000 },
    attempt: 0,
    instance: undefined,
    outputs: [],
    error: undefined,
    warnings: [],
    nodeStartsMs: {},
    requestId: 'request-1',
    tags: [],
    ...changes,
  }
}

export function makePayload(changes: Partial<JobPayload> = {}): JobPayload {
  return {
    input: { prompt: 'a lighthouse', width: 512 },
    prompt: { '3': { class_type: 'KSampler', inputs: { seed: 1, model: ['4', 0] }, _meta: { title: 'KSampler' } } },
    inputFiles: [],
    outputNames: { picture: '9' },
    previews: false,
    priority: 0,
    retry: true,
    limits: {},
    ...changes,
  }
}

export function makeStored(changes: Partial<Job> = {}): StoredJob {
  return { job: makeJob(changes), payload: makePayload() }
}

/** The job after some steps, with everything a snapshot can hold. */
export function completeJob(job: Job, state: JobState, completedAtMs: number): Job {
  return {
    ...job,
    state,
    attempt: 1,
    instance: '127.0.0.1:8188',
    times: { ...job.times, startedAtMs: completedAtMs - 2, executedAtMs: completedAtMs - 1, completedAtMs },
    outputs: [
      {
        index: 0,
        nodeId: '9',
        name: 'picture',
        kind: 'image',
        contentType: 'image/png',
        sizeBytes: 12,
        filename: 'a_00001_.png',
      },
      {
        index: 1,
        nodeId: '10',
        name: undefined,
        kind: 'text',
        contentType: 'text/plain',
        sizeBytes: 0,
        filename: 'text.txt',
      },
    ],
    error: {
      code: 'execution_error',
      message: 'A node failed: "\u0000 🙂 \ud800"',
      node: { id: '3', classType: 'KSampler', exceptionType: 'ValueError', message: 'bad' },
      errors: [
        { pointer: '/width', code: 'too_big', message: 'no', node: { id: '3', classType: 'KSampler', input: 'width' } },
      ],
    },
    warnings: ['a node blocked its outputs'],
    nodeStartsMs: { '3': completedAtMs - 1 },
  }
}

/** An attempt that went well. */
export function makeAttempt(job: Job, changes: Partial<JobAttempt> = {}): JobAttempt {
  return {
    job,
    instance: 'gpu',
    number: 1,
    isAdopted: false,
    outcome: 'succeeded',
    error: undefined,
    times: { beganAtMs: 0, submittedAtMs: 1, startedAtMs: 2, executedAtMs: 3, endedAtMs: 4 },
    ...changes,
  }
}
