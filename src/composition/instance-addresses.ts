import type { Logger } from 'pino'
import { ConfigError } from '../config/config-error.ts'
import type { Config } from '../config/config.ts'
import { readInstanceFiles, watchInstanceFiles } from '../config/read-instance-files.ts'
import type { InstanceAddress, InstancePool } from '../instances/instance-pool.ts'

/** Keeps a pool as the files with instances are. */
export interface AddressFollower {
  /** Reads the files now. A file that cannot be used changes nothing. */
  readAgain(): Promise<void>
  close(): void
}

const lookIntervalMs = 1000

/** @throws ConfigError where a file with instances cannot be used */
export async function readAddresses({ instances, instanceFiles }: Config['comfyui']): Promise<InstanceAddress[]> {
  const addresses = [...instances, ...(await readInstanceFiles(instanceFiles))]
  return addresses.map(({ url, authorization }) => ({
    url: new URL(url),
    headers: authorization ? { authorization: authorization.reveal() } : {},
  }))
}

/** Begins to look for changes of the files; there may be none. */
export function followAddresses(
  config: Config['comfyui'],
  pool: Pick<InstancePool, 'replace'>,
  logger: Logger,
): AddressFollower {
  async function readAgain(): Promise<void> {
    try {
      pool.replace(await readAddresses(config))
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      logger.error({ problems: error.problems }, 'instances are left as they are: their file cannot be used')
    }
  }
  if (config.instanceFiles.length === 0) return { readAgain: async () => {}, close: () => {} }
  const watch = watchInstanceFiles(config.instanceFiles, lookIntervalMs, () => void readAgain())
  return { readAgain, close: () => watch.close() }
}
