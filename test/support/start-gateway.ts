import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Logger, pino } from 'pino'
import { compose } from '../../src/compose.ts'
import type { Environment } from '../../src/config/environment.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import type { Flags } from '../../src/config/read-setting.ts'

/** Workflows of the tests: a picture, a slow one, one that fails. */
export const testWorkflows = fileURLToPath(new URL('workflows', import.meta.url))

export interface RunningGateway {
  readonly url: string
  readonly dataDir: string
  /** Stops it, as SIGTERM would. */
  close(): Promise<void>
}

export interface GatewayOptions {
  readonly flags?: Flags
  /** Settings that have no flag. */
  readonly env?: Environment
  /** Kept after the end, for the next gateway. Without it a new one is made and removed. */
  readonly dataDir?: string
  /** Silent without one. */
  readonly logger?: Logger
  /** Time between two looks at the lists of models of an instance. */
  readonly listIntervalMs?: number
}

/** Composes the real gateway, from settings as a person would give them, and listens on a free port. */
export async function startGateway({
  flags = {},
  env = {},
  dataDir,
  logger = pino({ level: 'silent' }),
  listIntervalMs,
}: GatewayOptions = {}): Promise<RunningGateway> {
  const ownDataDir = dataDir ?? (await makeDataDir())
  const { config } = loadConfig(
    { PORT: '0', COMFYUI_API_DATA_DIR: ownDataDir, COMFYUI_API_DRAIN_SECONDS: '1', COMFYUI_API_WATCH: 'off', ...env },
    flags,
  )
  const gateway = await compose(config, { logger, ...(listIntervalMs !== undefined && { listIntervalMs }) })
  const { url } = await gateway.listen()
  return {
    url,
    dataDir: ownDataDir,
    async close() {
      await gateway.close()
      if (dataDir === undefined) await rm(ownDataDir, { recursive: true, force: true })
    },
  }
}

export function makeDataDir(): Promise<string> {
  return mkdtemp(path.join(os.tmpdir(), 'comfyui-api-test-'))
}
