import type { Prompt } from '../comfyui/wire/prompt.ts'
import type { InputFile } from '../inputs/input-file.ts'
import type { ImageConversion } from '../outputs/image-conversion.ts'
import type { JobOutput, OutputMetadata } from '../outputs/job-output.ts'
import type { Job, JobPayload, JobProgress, JobTimeLimits } from './job.ts'
import type { JobQuery } from './job-store.ts'
import type { OutputTap } from './outputs/output-tap.ts'

/** A request that was parsed, checked and built into a prompt. */
export interface JobRequest {
  readonly workflow: string
  readonly input: unknown
  readonly prompt: Prompt
  readonly inputFiles: readonly InputFile[]
  readonly outputNames: Readonly<Record<string, string>>
  /** See `JobPayload`. */
  readonly pngInfo?: Readonly<Record<string, unknown>>
  readonly previews: boolean
  /** Higher ones run first; equal ones in the order of their acceptance. */
  readonly priority: number
  /** False: it is never submitted a second time, even when it was lost (at most once). */
  readonly retry: boolean
  /** Limits of the workflow; those of the configuration where absent. */
  readonly limits: JobTimeLimits
  readonly tags?: readonly string[]
  /** What its images become when they are stored. */
  readonly convertOutput?: ImageConversion
  /** What becomes of the texts in its outputs; kept where absent. */
  readonly outputMetadata?: OutputMetadata
  /** Previews of nodes are kept as outputs too. */
  readonly intermediateOutputs?: boolean
  /** Time that the job may take, from its acceptance until ComfyUI is done with it. */
  readonly deadlineMs?: number
  /** The job that this one repeats. */
  readonly retryOf?: string
  readonly requestId: string
  /** Who is asking. Kept only where waiting jobs of one caller are limited. */
  readonly caller?: string
  /** Place in a trace, as `lib/traceparent.ts` writes it. */
  readonly traceparent?: string
  readonly idempotency?: { readonly key: string; readonly fingerprint: string }
  /** The id that the caller wants for the job: `jobIdPattern`. The same id with the same fingerprint is the same job. */
  readonly chosenId?: { readonly id: string; readonly fingerprint: string }
}

export interface Submission {
  readonly job: Job
  /** The Idempotency-Key, or the id, was known: this is the job of the first request. */
  readonly replayed: boolean
}

/** What is expected of an open job. */
export interface JobForecast {
  /** Jobs that run before this one; absent unless it waits for an instance. */
  readonly queuePosition?: number
  /** When it will probably end, milliseconds since the epoch, learned from jobs like it; absent when nothing is known. */
  readonly expectedEndMs?: number
}

/** What happened to a job, in the order it happened. `id` counts from 1 for each job and never repeats. */
export type JobEvent =
  | { readonly id: number; readonly type: 'status'; readonly job: Job }
  | { readonly id: number; readonly type: 'progress'; readonly progress: JobProgress }
  | {
      readonly id: number
      readonly type: 'preview'
      readonly contentType: string
      readonly bytes: Buffer
      readonly nodeId: string | undefined
    }
  | { readonly id: number; readonly type: 'output'; readonly output: JobOutput }
  /** The last one: the job is terminal. */
  | { readonly id: number; readonly type: 'end'; readonly job: Job }

/** Something that happened to one of all jobs. `status` comes with every state, `end` with the last. */
export type AnyJobEvent =
  | { readonly type: 'status' | 'end'; readonly job: Job }
  | { readonly type: 'progress'; readonly job: Job; readonly progress: JobProgress }
  | { readonly type: 'output'; readonly job: Job; readonly output: JobOutput }

export interface EventSubscription {
  /** Stops the delivery. Safe to call twice. */
  close(): void
}

/** Everything the rest of the gateway may do with jobs. */
export interface Jobs {
  /**
   * Accepts a job. Resolves when it is committed: from then on it survives a crash.
   * @throws GatewayError `too_many_queued`, `queue_full`, `draining`, `no_healthy_instance`, `storage_unavailable`,
   * `idempotency_key_reuse`, `idempotency_conflict`, `id_conflict`, `conversion_unavailable`; `invalid_workflow` and
   * `workflow_unavailable` where it is known that no instance would run the prompt
   */
  submit(request: JobRequest): Promise<Submission>
  /** Whether a request with this key, or under this id, makes no job, because there is one. */
  isRepeat(request: { readonly key: string | undefined; readonly id: string | undefined }): boolean
  get(id: string): Job | undefined
  getPayload(id: string): JobPayload | undefined
  /** Progress of a job that is not terminal; undefined before it runs. */
  progress(id: string): JobProgress | undefined
  /** Of those among these jobs that are open. Looks through the queue once, however many they are. */
  forecasts(ids: readonly string[]): ReadonlyMap<string, JobForecast>
  list(query: JobQuery): Job[]
  /**
   * Resolves with the job as soon as it is terminal, or as it is when `timeoutMs` (counted from the call) has passed or
   * the signal aborts. Never rejects for a job that exists.
   * @throws GatewayError `job_not_found`
   */
  wait(id: string, options: { timeoutMs: number; signal?: AbortSignal }): Promise<Job>
  /**
   * Has one output of an open job given to `tap` on its way to the store. A job has one tap at most; one that is not
   * open has none, and then nothing happens. Returns what takes the tap away again, where it was not opened yet.
   */
  tapOutput(id: string, tap: OutputTap): () => void
  /**
   * Asks for the end of a job and resolves with its state after that: `canceled` when it was queued, `canceling` while
   * ComfyUI stops it, or the terminal state it already had. Asking again is no error.
   * @throws GatewayError `job_not_found`
   */
  cancel(id: string): Promise<Job>
  /**
   * Forgets a job with its outputs, and the inputs that no other job has. An open one is canceled first, and this waits
   * for its end. Resolves to `undefined` when the job is gone; to the job when ComfyUI did not stop it within
   * `timeoutMs`: then it is gone as soon as it ended, also when another process sees to that.
   * @throws GatewayError `job_not_found`, `storage_unavailable`
   */
  delete(id: string, options: { timeoutMs: number }): Promise<Job | undefined>
  /**
   * Whether another job can be made of the payload of this one: its input files are there, and stay for now.
   * @throws GatewayError `storage_unavailable`
   */
  hasInputs(payload: JobPayload): boolean
  /**
   * Delivers the job's events to `listener`, in order and from inside the call where there are any to replay.
   * With `afterId` the events after that one are delivered, if they are still known; else, and without it, first a
   * `status` event with the job as it is. Ends after `end`. A terminal job delivers `status` (or what is missing) and `end`.
   * Previews are replayed only as the last one.
   * @throws GatewayError `job_not_found`
   */
  subscribe(id: string, afterId: number | undefined, listener: (event: JobEvent) => void): EventSubscription
  /** Delivers what happens to all jobs from now on, in order, the progress of each at most twice a second. */
  subscribeAll(listener: (event: AnyJobEvent) => void): EventSubscription
}
