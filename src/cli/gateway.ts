import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'

/** What the command line needs of the composed gateway. */
export interface Gateway {
  /** Resolves with the address that people can open, once requests are answered. */
  listen(): Promise<{ url: string }>
  /** Reads the workflow folders again. */
  reload(): Promise<void>
  summary(): GatewaySummary
  /** Lets open requests end, then releases everything. */
  close(): Promise<void>
}

export interface GatewaySummary {
  /** Names of the served workflows, sorted. */
  readonly workflows: readonly string[]
  /** Files that are not served as they stand, and why. */
  readonly problems: readonly { readonly file: string; readonly reason: string }[]
  /** Workflows that no instance can run, and why. */
  readonly notReady: readonly { readonly name: string; readonly reason: string }[]
  /** Whether that is known of all workflows. */
  readonly isChecked: boolean
  /** `version` is undefined as long as the instance has not answered. */
  readonly instances: readonly { readonly url: string; readonly version: string | undefined }[]
}

export type StartGateway = (config: Config, dependencies: { logger: Logger }) => Promise<Gateway>
