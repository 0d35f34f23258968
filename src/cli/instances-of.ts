import type { Config } from '../config/config.ts'
import type { CheckedInstance } from './checking.ts'

/** The addresses of the settings, with what has to be sent there. */
export function instancesOf({ instances }: Config['comfyui']): readonly CheckedInstance[] {
  return instances.map(({ url, authorization }) => ({
    url,
    headers: authorization === undefined ? {} : { authorization: authorization.reveal() },
  }))
}
