import { ConfigError } from './config-error.ts'
import type { Environment } from './environment.ts'
import { readSetting, type Flags } from './read-setting.ts'
import type { Secret } from './secret.ts'
import { settings } from './settings.ts'

/** Who is asked for better words about a workflow. */
export interface LanguageModelConfig {
  /** Without a slash at the end. */
  readonly baseUrl: string
  readonly apiKey: Secret
  readonly model: string
}

/**
 * The language model that somebody has set up; undefined where there is no key, or where it is not wanted. Only the
 * command that asks it reads this: a server starts with whatever else the environment holds.
 * @throws ConfigError with everything that is wrong at once
 */
export function loadLanguageModel(env: Environment, flags: Flags): LanguageModelConfig | undefined {
  const problems: string[] = []
  const sources = { env, flags, problems }
  if (!readSetting(settings.languageModel, sources) && problems.length === 0) return undefined
  const apiKey = readSetting(settings.languageModelKey, sources)
  const baseUrl = readSetting(settings.languageModelUrl, sources)
  const model = readSetting(settings.languageModelId, sources)
  if (problems.length > 0) throw new ConfigError(problems)
  return apiKey === undefined ? undefined : { baseUrl, apiKey, model }
}
