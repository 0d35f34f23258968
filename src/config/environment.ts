import type { Environment } from './load-config.ts'

/** The variables of this process, as they are now. */
export function readEnvironment(): Environment {
  return { ...process.env }
}
