import { delimiter } from 'node:path'
import type { Environment } from './environment.ts'
import { flagKey, flagName, type Setting } from './setting.ts'

/** Values of the flags that were given on the command line, by commander's name for them. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

export interface SettingSources {
  readonly env: Environment
  readonly flags: Flags
  /** Gets a line for each value that breaks its rule. */
  readonly problems: string[]
}

/** The value of a setting; its default where what was given breaks the rule. */
export function readSetting<Value>(setting: Setting<Value>, { env, flags, problems }: SettingSources): Value {
  const given = givenTexts(setting, env, flags)
  const result = setting.read(given.texts)
  if (result.ok) return result.value
  for (const text of result.rejected) {
    problems.push(`${given.source} must be ${setting.rule}; got ${setting.show(text)}`)
  }
  return defaultValue(setting)
}

/** The texts that were given for a setting, and the name under which a person gave them. */
export function givenTexts(
  setting: Setting<unknown>,
  env: Environment,
  flags: Flags,
): { source: string; texts: readonly string[] } {
  if (setting.flag !== undefined) {
    const value = flags[flagKey(setting.flag)]
    if (value !== undefined)
      return { source: flagName(setting.flag), texts: split([value].flat().map(String), setting) }
  }
  const name = [setting.env, ...(setting.envAliases ?? [])].find((candidate) => (env[candidate] ?? '').trim() !== '')
  if (name === undefined) return { source: setting.env, texts: [] }
  return { source: name, texts: split([env[name] ?? ''], setting) }
}

function split(texts: readonly string[], setting: Setting<unknown>): readonly string[] {
  const trimmed = texts.map((text) => text.trim())
  if (setting.separator === undefined) return trimmed
  const separator = { comma: ',', blank: /\s+/, 'path delimiter': delimiter }[setting.separator]
  return trimmed.flatMap((text) => text.split(separator).map((part) => part.trim())).filter((part) => part !== '')
}

function defaultValue<Value>(setting: Setting<Value>): Value {
  const result = setting.read([])
  if (result.ok) return result.value
  throw new Error(`the default of ${setting.env} breaks its own rule`)
}
