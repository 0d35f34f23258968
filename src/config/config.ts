import type { Secret } from './secret.ts'
import type { UrlAllowance } from './url-allowance.ts'
import type { ComfyuiAddress, Rate } from './value-kinds.ts'

/** What the process runs with. Every module gets its slice as an argument. Frozen at every depth. */
export interface Config {
  readonly server: {
    readonly host: string
    readonly port: number
    /** Only this machine can reach the server. */
    readonly isLoopback: boolean
    /** Of what is held in memory. */
    readonly maxBodyBytes: number
    /** Of one file that is streamed to disk. */
    readonly maxFileBytes: number
    readonly syncHoldMs: number
    readonly onDisconnect: 'cancel' | 'keep'
    readonly drainMs: number
    readonly maxEventStreamsPerCaller: number
    /** Requests of one caller that may start jobs or upload assets. */
    readonly rateLimit: Rate | undefined
  }
  readonly security: {
    /** Empty: no key is asked for. */
    readonly apiKeys: readonly Secret[]
    /** Lower case, without port; loopback and the bound address are allowed besides. */
    readonly allowedHosts: readonly string[]
    /** As browsers send them; `*` for any. */
    readonly corsOrigins: readonly string[]
    /** Graphs of callers are taken. */
    readonly takesRawPrompts: boolean
    /** What becomes of the texts in outputs of calls that do not say, and whether a call may have them kept. */
    readonly outputMetadata: { readonly usual: 'keep' | 'strip'; readonly mayBeKept: boolean }
  }
  /** Media that callers give by URL. */
  readonly urls: {
    readonly areFetched: boolean
    readonly takesHttp: boolean
    /** Empty: all public hosts. */
    readonly allow: readonly UrlAllowance[]
  }
  /** What stands between callers and the server. */
  readonly proxying: {
    /** Without a slash at the end; empty for the root. */
    readonly basePath: string
    /** Without a slash at the end. */
    readonly publicUrl: string | undefined
    /** How many in a row, or their addresses and networks. */
    readonly trustedProxies: number | readonly string[] | undefined
  }
  readonly comfyui: {
    /** Empty when the simulator is to be started, or when all stand in files. */
    readonly instances: readonly ComfyuiAddress[]
    /** Absolute paths of files with more of them, which may change at any time. */
    readonly instanceFiles: readonly string[]
    readonly submitAhead: number
    readonly connectTimeoutMs: number
    readonly submitTimeoutMs: number
    readonly fetchTimeoutMs: number
    /** What ComfyUI would refuse is refused before it is queued. */
    readonly predictsRefusals: boolean
  }
  readonly workflows: {
    /** Absolute paths; of two folders that have a name the later one serves it. The shipped folder, where it is served, is the first. */
    readonly folders: readonly string[]
    readonly watch: 'native' | 'poll' | 'off'
    readonly warmupCheckpoint: string | undefined
    /** Names of those without which the server is not ready. */
    readonly required: readonly string[]
  }
  readonly jobs: {
    readonly maxQueued: number
    readonly maxQueuedPerCaller: number | undefined
    readonly maxAttempts: number
    readonly runTimeoutMs: number
    readonly queueTimeoutMs: number
    readonly stallTimeoutMs: number
    readonly retentionMs: number
  }
  readonly storage: {
    /** Absolute path. It may not exist yet. */
    readonly dataDir: string
    readonly jobStore: 'sqlite' | 'memory'
    /** From the last upload or use of an asset. */
    readonly assetRetentionMs: number
    /** With `stream` none that the caller who ran the job took whole. */
    readonly outputs: 'keep' | 'stream'
    /** Of all outputs together; undefined: no limit. */
    readonly outputsMaxBytes: number | undefined
  }
  readonly logging: LoggingConfig
  readonly tracing: {
    /** Spans are sent to where the standard variables of OpenTelemetry say. */
    readonly isEnabled: boolean
    readonly sampler: TraceSampler
  }
  readonly demo: {
    /** The built-in simulator stands in for ComfyUI. */
    readonly isEnabled: boolean
    /** A demo was asked for, and an address of ComfyUI as well, which wins. */
    readonly isOverridden: boolean
    readonly stepMs: number
    /** What goes wrong in the simulator, as docs/simulator.md says it; not checked yet. */
    readonly faults: readonly string[]
  }
}

/** Which traces are kept. */
export interface TraceSampler {
  readonly root: 'always_on' | 'always_off' | 'ratio'
  /** Part of all traces, 0 to 1. */
  readonly ratio: number
  /** A trace that a caller began is kept when the caller keeps it. */
  readonly followsParent: boolean
}

export interface LoggingConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  readonly format: 'auto' | 'json' | 'pretty'
}
