import type { ErrorCode } from '../errors/error-catalogue.ts'
import type { FailedNode, FieldError } from '../errors/gateway-error.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import type { InputFile } from '../inputs/input-file.ts'
import type { ImageConversion } from '../outputs/image-conversion.ts'
import type { JobOutput, OutputMetadata } from '../outputs/job-output.ts'

/**
 * A job's life:
 *
 *     queued ──→ running ──→ succeeded | failed
 *       │           │
 *       ├───────────┴──────→ expired            (a deadline passed)
 *       └───────────┴──────→ canceling ──→ canceled | succeeded | failed
 *
 * `running` goes back to `queued` when its instance lost it and an attempt is left. A terminal state never changes:
 * a job that succeeds while its cancellation is on the way ends as `succeeded`.
 */
export type JobState = OpenJobState | TerminalJobState
export type OpenJobState = (typeof openJobStates)[number]
export type TerminalJobState = (typeof terminalJobStates)[number]

export const openJobStates = ['queued', 'running', 'canceling'] as const
export const terminalJobStates = ['succeeded', 'failed', 'canceled', 'expired'] as const
export const jobStates = [...openJobStates, ...terminalJobStates] as const

/** Progress over the whole job, never going down. */
export interface JobProgress {
  /** 0..1. */
  readonly value: number
  readonly nodesDone: number
  readonly nodesTotal: number
  readonly currentNode: string | undefined
  readonly currentNodeClass: string | undefined
  /** Position inside the current node, where that reports one (sampling steps). */
  readonly step: number | undefined
  readonly steps: number | undefined
}

export interface JobError {
  readonly code: ErrorCode
  readonly message: string
  readonly node?: FailedNode
  readonly errors?: readonly FieldError[]
}

/** When things happened, milliseconds since the epoch. */
export interface JobTimes {
  readonly createdAtMs: number
  /** The instance began to run it (last attempt). */
  readonly startedAtMs?: number
  /** ComfyUI was done with it. */
  readonly executedAtMs?: number
  /** It reached a terminal state, all outputs stored. */
  readonly completedAtMs?: number
}

/** A snapshot: replaced as a whole, never mutated, but for `nodeStartsMs`, which grows while the job runs. */
export interface Job {
  /** Canonical lowercase UUID, or what the caller chose: `jobIdPattern`. */
  readonly id: string
  /** The id under which ComfyUI knows it; one for all attempts. */
  readonly promptId: string
  /** Name of the workflow, such as `qwen/qwen_base_txt2img`. */
  readonly workflow: string
  readonly state: JobState
  readonly times: JobTimes
  /** Submissions to an instance so far. */
  readonly attempt: number
  /** Id of the instance that has, or last had, the job. */
  readonly instance: string | undefined
  readonly outputs: readonly JobOutput[]
  readonly error: JobError | undefined
  /** What is worth knowing although the job went on, such as a node that blocked its outputs. */
  readonly warnings: readonly string[]
  /** Start of each node as seen by the gateway, milliseconds since the epoch. */
  readonly nodeStartsMs: Readonly<Record<string, number>>
  /** Request id of the call that made the job. */
  readonly requestId: string
  /** The caller's marks, in the caller's order, none of them twice. */
  readonly tags: readonly string[]
  /** It expires when this passes before ComfyUI is done with it. Milliseconds since the epoch. */
  readonly deadlineAtMs?: number
  /** The job that this one repeats. */
  readonly retryOf?: string
  /** Nobody will ask for it any more: it is forgotten instead of stored when it ends. */
  readonly isUnwanted?: boolean
  /** Place in the trace that the job belongs to, as `lib/traceparent.ts` writes it. */
  readonly traceparent?: string
}

/** How a job fared on one instance, told when that is over and before anything comes of it. */
export interface JobAttempt {
  readonly job: Job
  readonly instance: string
  /** Counts the submissions of the job, from 1. */
  readonly number: number
  /** An earlier process submitted it. */
  readonly isAdopted: boolean
  /** `lost`: nobody's fault, another attempt may do better. */
  readonly outcome: 'succeeded' | 'failed' | 'expired' | 'canceled' | 'lost'
  readonly error: JobError | undefined
  /** When things happened, milliseconds since the epoch. */
  readonly times: {
    readonly beganAtMs: number
    /** The instance took the prompt. */
    readonly submittedAtMs: number | undefined
    readonly startedAtMs: number | undefined
    /** ComfyUI was done with it; what follows is the copying of the outputs. */
    readonly executedAtMs: number | undefined
    readonly endedAtMs: number
  }
}

/** The jobs that have not ended, counted. */
export interface OpenJobs {
  readonly queued: number
  readonly running: number
  readonly canceling: number
  /** Those that no instance was given yet. */
  readonly waiting: number
  /** When the oldest of these was accepted, milliseconds since the epoch. */
  readonly oldestWaitingSinceMs: number | undefined
}

/** Ids that callers may choose. */
export const jobIdPattern = /^[A-Za-z0-9_-]{1,128}$/
const mintedIdPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Whether an id has the form of those that are made here, which are never given twice. */
export function isMintedJobId(id: string): boolean {
  return mintedIdPattern.test(id)
}

export const jobTagPattern = /^[A-Za-z0-9_.:-]{1,64}$/
export const maxJobTags = 16

/** What a job was made of. Kept beside the snapshot, because few readers need it. */
export interface JobPayload {
  /** The parsed parameters, defaults resolved, media replaced by the name of the uploaded file. */
  readonly input: unknown
  /** What ComfyUI is sent: complete, checked, never rebuilt. */
  readonly prompt: Prompt
  readonly inputFiles: readonly InputFile[]
  /** The workflow's names for output nodes: name → node id. */
  readonly outputNames: Readonly<Record<string, string>>
  /** What ComfyUI embeds in the files of this job beside the prompt, such as the workflow of its editor. */
  readonly pngInfo?: Readonly<Record<string, unknown>>
  /** Previews are made for this job. */
  readonly previews: boolean
  readonly priority: number
  readonly retry: boolean
  /** What its images become when they are stored. */
  readonly convertOutput?: ImageConversion
  /** What becomes of the texts in its outputs; kept where absent. */
  readonly outputMetadata?: OutputMetadata
  /** Previews of nodes are kept as outputs too. */
  readonly intermediateOutputs?: boolean
  readonly limits: JobTimeLimits
  /** Who chose the id of the job for what: a request that says the same is the same job. */
  readonly idFingerprint?: string
  /** Whose it is, where waiting jobs of one caller are limited. */
  readonly caller?: string
}

/** Deadlines of a job, where they differ from those of the configuration. */
export interface JobTimeLimits {
  /** Longest wait for an instance. */
  readonly queueTimeoutMs?: number
  /** Longest run, from its start on an instance. */
  readonly runTimeoutMs?: number
  /** Longest silence of a run. */
  readonly stallTimeoutMs?: number
}

export function isTerminal(state: JobState): state is TerminalJobState {
  return state === 'succeeded' || state === 'failed' || state === 'canceled' || state === 'expired'
}

const nextStates: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['running', 'canceling', 'failed', 'canceled', 'expired'],
  running: ['queued', 'canceling', 'succeeded', 'failed', 'canceled', 'expired'],
  canceling: ['succeeded', 'failed', 'canceled', 'expired'],
  succeeded: [],
  failed: [],
  canceled: [],
  expired: [],
}

/** Whether the state machine has this edge. */
export function canBecome(from: JobState, to: JobState): boolean {
  return nextStates[from].includes(to)
}
