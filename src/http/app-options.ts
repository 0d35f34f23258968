import type { Prompt } from '../comfyui/wire/prompt.ts'
import type { MediaFetcher } from '../inputs/urls/fetch-media.ts'
import type { ReadMediaUrl } from '../inputs/urls/read-media-url.ts'
import type { Assets } from '../inputs/assets.ts'
import type { InputFile } from '../inputs/input-file.ts'
import type { InputStore } from '../inputs/input-store.ts'
import type { InputKind } from '../inputs/formats/sniff-media.ts'
import type { InstanceReadiness } from '../instances/instance-pool.ts'
import type { InstanceModels } from '../instances/instance.ts'
import type { InstanceView } from '../instances/instance-view.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { ImageConverter } from '../outputs/image-converter.ts'
import type { OutputStore } from '../outputs/output-store.ts'
import type { NodeLookup } from '../comfyui/wire/object-info.ts'
import type { LiveLists } from '../readiness/live-lists.ts'
import type { WorkflowRegistry } from '../workflows/served-workflow.ts'
import type { WorkflowReadiness } from '../readiness/workflow-readiness.ts'
import type { OutputMetadataPolicy } from './body/output-metadata.ts'
import type { LinksOptions } from './links.ts'
import type { RateLimit } from './plugins/request-rates.ts'

/** Whether new jobs can be taken and run now. */
export interface Readiness {
  readonly ready: boolean
  /** Why not. */
  readonly reason?: string
}

/** One finished request, for metrics. */
export interface ObservedRequest {
  /** Pattern of the route, never a path of the caller. */
  readonly route: string
  readonly method: string
  readonly status: number
  readonly seconds: number
}

export interface HttpMetrics {
  readonly contentType: string
  render(): string | Promise<string>
  observeRequest?(request: ObservedRequest): void
  /** As many event streams are open now. Called at each change. */
  setOpenStreams?(count: number): void
}

/** One finished request, for the log. */
export interface LoggedRequest {
  readonly requestId: string
  readonly traceId?: string
  readonly method: string
  /** As the caller sent it, without the query. */
  readonly path: string
  readonly status: number
  readonly durationMs: number
  readonly ip: string
}

export type LogRequest = (request: LoggedRequest) => void

/** A request that came in, for a tracing system. */
export interface TracedRequest {
  readonly requestId: string
  readonly method: string
  /** Pattern of the route. */
  readonly route: string | undefined
  /** As the caller sent it, without the query. */
  readonly path: string
  /** Where the caller says that it belongs, as `lib/traceparent.ts` writes it. */
  readonly parent: string | undefined
}

/** Tells a tracing system of a request. */
export type TraceRequest = (request: TracedRequest) => {
  /** Where what the request causes belongs. */
  readonly traceparent: string
  /** The answer is out, or nobody is there to read it. `status` is undefined when none was begun. */
  end(answer: { readonly status: number | undefined }): void
}

/** What this layer needs of a logger; pino has it. */
export interface HttpLogger {
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export interface HttpLimits {
  readonly maxBodyBytes: number
  /** Requests of one caller that may start jobs or upload assets. As many as they like when absent. */
  readonly rateLimit?: RateLimit | undefined
  /** How long a request waits for its job when it does not say itself. */
  readonly syncHoldMs: number
  /** What becomes of the job of a caller who went away and left no way to ask for it. */
  readonly onDisconnect: 'cancel' | 'keep'
  /** How long an ended job is kept; told to callers as `expires_at`. */
  readonly retentionMs: number
  /** Time for the headers of a request to arrive. */
  readonly headersTimeoutMs?: number
  /** Time for a body to arrive; a longer one may take more of it while it comes at 16 KiB a second or faster. */
  readonly requestTimeoutMs?: number
  readonly connectionsCheckIntervalMs?: number
  readonly maxConnections?: number
  /** An output that the caller who ran the job took whole, as it is, is stored as well. It is when absent. */
  readonly storesRawAnswers?: boolean
  /** A caller who takes nothing of a large answer for this long is dropped. */
  readonly stalledReaderTimeoutMs?: number
  /** Event streams that may be open at the same time. */
  readonly maxEventStreams?: number
  /** The same for one key, or for one address where no key is asked for. */
  readonly maxEventStreamsPerCaller?: number
  /** Silence on an event stream after which a comment is sent. */
  readonly heartbeatMs?: number
  /** An event stream whose reader leaves more than this unread is cut. */
  readonly maxStreamBufferBytes?: number
}

export interface HttpSecurity {
  /** Keys of which a caller must send one. Empty: no key is asked for. */
  readonly apiKeys: readonly string[]
  /** Names answered besides loopback and the bound host, with or without a port; `*` for any. */
  readonly allowedHosts: readonly string[]
  /** What the server is bound to, without the port. */
  readonly boundHost: string
  /** The documentation needs no key. It names the workflows and their parameters, no data. */
  readonly openDocs: boolean
  /** Graphs of callers are taken at `POST /prompt`. They are not when absent. */
  readonly takesRawPrompts?: boolean
  /** What becomes of the texts that ComfyUI writes into outputs. Kept when absent, unless a call says otherwise. */
  readonly outputMetadata?: OutputMetadataPolicy
  /** Pages of these origins may read answers and change something; `*` for any. None when absent. */
  readonly corsOrigins?: readonly string[]
}

/** Which peers are proxies, whose `X-Forwarded-*` headers are believed: how many in a row, or their addresses and networks. */
export type TrustedProxies = number | readonly string[]

/** What stands between callers and this server. */
export interface HttpProxying extends LinksOptions {
  /** Nobody is believed when absent. */
  readonly trustedProxies?: TrustedProxies | undefined
}

export interface About {
  readonly version: string
  /** A simulator stands in for ComfyUI. */
  readonly demo: boolean
}

/** What operators may see of the ComfyUI instances, and do with them. */
export interface InstanceControl {
  views(): readonly InstanceView[]
  /** Gives it no more jobs. `undefined` when there is no such instance. */
  drain(id: string): InstanceView | undefined
  /** Undoes `drain`. */
  resume(id: string): InstanceView | undefined
  /** Tells every new state of an instance from now on. */
  subscribe(listener: (view: InstanceView) => void): { close(): void }
}

/** What the ComfyUI instances have. */
export interface InstanceInventory {
  /** The models of each; some may not have told theirs. Never throws. */
  models(): Promise<readonly InstanceModels[]>
  /** What each lacks of a prompt, as far as it is known. */
  readiness(prompt: Prompt): readonly InstanceReadiness[]
}

/** Everything the HTTP surface works with. */
export interface AppOptions {
  readonly jobs: Jobs
  readonly registry: WorkflowRegistry
  readonly inputs: Pick<InputStore, 'put' | 'receive' | 'keep' | 'check' | 'release' | 'open'>
  readonly assets: Pick<Assets, 'add' | 'get' | 'find' | 'use' | 'remove'>
  readonly outputs: Pick<OutputStore, 'read' | 'open' | 'scan' | 'pin'>
  readonly images: Pick<ImageConverter, 'requireAvailable' | 'convert'>
  readonly instances: InstanceControl
  readonly inventory: InstanceInventory
  /** What the instances have for parameters that feed lists. */
  readonly lists: LiveLists
  /** Which instances can run which workflow. */
  readonly readiness: Pick<WorkflowReadiness, 'of' | 'whenKnown'>
  /** What is known of node classes, those of custom nodes included. */
  readonly nodes: NodeLookup
  /** Bytes of a media parameter given as text. @throws GatewayError `unsupported_input` naming the pointer */
  readonly decodeMedia: (value: string, pointer: string) => Buffer
  /** Media that callers give by URL. Without `fetch`, `read` refuses them all. */
  readonly urls: { readonly read: ReadMediaUrl; readonly fetch?: MediaFetcher['fetch'] }
  /** What the bytes of a media parameter are as a file; nothing is kept. @throws GatewayError `unsupported_input` */
  readonly checkInput: (bytes: Buffer, pointer: string, kind?: InputKind) => Promise<InputFile>
  readonly ready: () => Readiness
  readonly metrics: HttpMetrics
  readonly logger: HttpLogger
  readonly logRequest?: LogRequest | undefined
  readonly traceRequest?: TraceRequest | undefined
  readonly limits: HttpLimits
  readonly security: HttpSecurity
  readonly about: About
  readonly proxying?: HttpProxying
  /** Makes the id of a request that brought none. */
  readonly mintRequestId: () => string
  readonly now?: () => number
  /** Folder with the files of the documentation page. */
  readonly docsFolder: string
}
