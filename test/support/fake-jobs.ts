import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import { isTerminal, type Job, type JobError, type JobPayload, type JobProgress } from '../../src/jobs/job.ts'
import type { JobQuery } from '../../src/jobs/job-store.ts'
import type {
  AnyJobEvent,
  EventSubscription,
  JobEvent,
  JobForecast,
  JobRequest,
  Jobs,
  Submission,
} from '../../src/jobs/jobs.ts'
import { selectJobs } from '../../src/jobs/stores/job-rules.ts'
import type { JobOutput } from '../../src/outputs/job-output.ts'
import { makeJob } from './make-job.ts'

type WithoutId<Event> = Event extends JobEvent ? Omit<Event, 'id'> : never

/** Jobs that go on only when a test says so. Every event of a job is kept, so a stream can be resumed anywhere. */
export class FakeJobs implements Jobs {
  readonly requests: JobRequest[] = []
  readonly canceled: string[] = []
  /** What the next submissions do before they are accepted, such as ending the job at once or throwing. */
  onSubmit: (job: Job) => void = () => {}

  readonly #jobs = new Map<string, Job>()
  readonly #payloads = new Map<string, JobPayload>()
  readonly #progress = new Map<string, JobProgress>()
  readonly #events = new Map<string, JobEvent[]>()
  readonly #listeners = new Map<string, Set<(event: JobEvent) => void>>()
  readonly #claims = new Map<string, { jobId: string; fingerprint: string }>()
  readonly #submitted = new Set<(job: Job) => void>()
  readonly #feed = new Set<(event: AnyJobEvent) => void>()

  isRepeat({ key, id }: { key: string | undefined; id: string | undefined }): boolean {
    return (key !== undefined && this.#claims.has(key)) || (id !== undefined && this.#jobs.has(id))
  }

  async submit(request: JobRequest): Promise<Submission> {
    const claim = request.idempotency === undefined ? undefined : this.#claims.get(request.idempotency.key)
    if (claim !== undefined) {
      if (claim.fingerprint !== request.idempotency?.fingerprint) throw new GatewayError('idempotency_key_reuse')
      return { job: this.require(claim.jobId), replayed: true }
    }
    const job = makeJob({
      id: request.chosenId?.id ?? randomUUID(),
      workflow: request.workflow,
      requestId: request.requestId,
      tags: request.tags ?? [],
      ...(request.traceparent !== undefined && { traceparent: request.traceparent }),
      times: { createdAtMs: Date.now() },
    })
    this.onSubmit(job)
    this.requests.push(request)
    this.#jobs.set(job.id, job)
    this.#payloads.set(job.id, request)
    if (request.idempotency !== undefined) {
      this.#claims.set(request.idempotency.key, { jobId: job.id, fingerprint: request.idempotency.fingerprint })
    }
    this.#emit(job.id, { type: 'status', job })
    for (const tell of this.#submitted) tell(job)
    this.#submitted.clear()
    return { job: this.require(job.id), replayed: false }
  }

  /** The next job that is submitted. */
  nextSubmission(): Promise<Job> {
    return new Promise((resolve) => this.#submitted.add(resolve))
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id)
  }

  require(id: string): Job {
    const job = this.#jobs.get(id)
    if (job === undefined) throw new GatewayError('job_not_found')
    return job
  }

  getPayload(id: string): JobPayload | undefined {
    return this.#payloads.get(id)
  }

  progress(id: string): JobProgress | undefined {
    return this.#progress.get(id)
  }

  forecasts(ids: readonly string[]): Map<string, JobForecast> {
    const queued = [...this.#jobs.values()].filter((job) => job.state === 'queued').map(({ id }) => id)
    const waiting = ids.filter((id) => queued.includes(id))
    return new Map(waiting.map((id) => [id, { queuePosition: queued.indexOf(id) }]))
  }

  list(query: JobQuery): Job[] {
    return selectJobs(this.#jobs.values(), query)
  }

  async delete(id: string): Promise<Job | undefined> {
    if (!isTerminal(this.require(id).state)) await this.cancel(id)
    this.#jobs.delete(id)
    return undefined
  }

  hasInputs(): boolean {
    return true
  }

  async wait(id: string, { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal }): Promise<Job> {
    if (isTerminal(this.require(id).state) || signal?.aborted === true) return this.require(id)
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => resolve(undefined), timeoutMs)
    signal?.addEventListener('abort', () => resolve(undefined), { once: true })
    const unlisten = this.#listen(id, (event) => {
      if (event.type === 'end') resolve(undefined)
    })
    await promise
    clearTimeout(timer)
    unlisten()
    return this.require(id)
  }

  /** Outputs are added whole: nothing is on its way. */
  tapOutput(): () => void {
    return () => {}
  }

  async cancel(id: string): Promise<Job> {
    this.canceled.push(id)
    if (!isTerminal(this.require(id).state)) this.#end(id, { state: 'canceled' })
    return this.require(id)
  }

  subscribeAll(listener: (event: AnyJobEvent) => void): EventSubscription {
    this.#feed.add(listener)
    return { close: () => void this.#feed.delete(listener) }
  }

  /** How many follow all jobs. */
  get feedAudience(): number {
    return this.#feed.size
  }

  subscribe(id: string, afterId: number | undefined, listener: (event: JobEvent) => void): EventSubscription {
    const job = this.require(id)
    const events = this.#events.get(id) ?? []
    const known = events.filter((event) => event.id > (afterId ?? 0))
    if (afterId === undefined && known.length === 0) listener({ id: 0, type: 'status', job })
    for (const event of known) listener(event)
    const unlisten = this.#listen(id, listener)
    return { close: unlisten }
  }

  /** How many streams and waiters a job has. */
  audience(id: string): number {
    return this.#listeners.get(id)?.size ?? 0
  }

  events(id: string): readonly JobEvent[] {
    return this.#events.get(id) ?? []
  }

  start(id: string): void {
    const job = this.require(id)
    const running: Job = {
      ...job,
      state: 'running',
      attempt: 1,
      instance: 'gpu-1',
      times: { ...job.times, startedAtMs: Date.now() },
    }
    this.#replace(running)
    this.#emit(id, { type: 'status', job: running })
  }

  report(id: string, changes: Partial<JobProgress> = {}): void {
    const progress: JobProgress = {
      value: 0.5,
      nodesDone: 1,
      nodesTotal: 2,
      currentNode: '3',
      currentNodeClass: 'KSampler',
      step: 10,
      steps: 20,
      ...changes,
    }
    this.#progress.set(id, progress)
    this.#emit(id, { type: 'progress', progress })
  }

  preview(id: string, bytes: Buffer): void {
    this.#emit(id, { type: 'preview', contentType: 'image/jpeg', bytes, nodeId: '3' })
  }

  addOutput(id: string, output: JobOutput): void {
    const job = this.require(id)
    this.#replace({ ...job, outputs: [...job.outputs, output] })
    this.#emit(id, { type: 'output', output })
  }

  succeed(id: string, changes: Partial<Job> = {}): void {
    this.#end(id, { state: 'succeeded', ...changes })
  }

  fail(id: string, error: JobError): void {
    this.#end(id, { state: 'failed', error })
  }

  expire(id: string): void {
    this.#end(id, { state: 'expired' })
  }

  #end(id: string, changes: Partial<Job>): void {
    const job = this.require(id)
    const nowMs = Date.now()
    const ended: Job = {
      ...job,
      ...changes,
      times: { ...job.times, startedAtMs: job.times.startedAtMs ?? nowMs, executedAtMs: nowMs, completedAtMs: nowMs },
    }
    this.#replace(ended)
    this.#emit(id, { type: 'end', job: ended })
  }

  #replace(job: Job): void {
    this.#jobs.set(job.id, job)
  }

  #emit(id: string, event: WithoutId<JobEvent>): void {
    const events = this.#events.get(id) ?? []
    const numbered: JobEvent = { ...event, id: events.length + 1 }
    this.#events.set(id, [...events, numbered])
    for (const listener of this.#listeners.get(id) ?? []) listener(numbered)
    if (event.type === 'preview') return
    for (const listener of this.#feed) listener({ ...event, job: this.require(id) })
  }

  #listen(id: string, listener: (event: JobEvent) => void): () => void {
    const listeners = this.#listeners.get(id) ?? new Set()
    this.#listeners.set(id, listeners.add(listener))
    return () => listeners.delete(listener)
  }
}
