import { type Command, Option } from 'commander'
import type { Environment } from '../config/environment.ts'
import type { Flags } from '../config/read-setting.ts'
import type { Setting } from '../config/setting.ts'
import { settings } from '../config/settings.ts'

const serverSettings = Object.values<Setting<unknown>>(settings).filter(({ command }) => command === undefined)

/** Gives the command a flag for every setting of a server that has one, with a help text from the same table. */
export function addSettingOptions(command: Command): Command {
  return addSettingFlags(command, serverSettings).addHelpText('after', `\n${environmentHelp()}`)
}

/** As `addSettingOptions`, for the settings that matter to the command. */
export function addSettingFlags(command: Command, chosen: readonly Setting<unknown>[]): Command {
  for (const setting of chosen) {
    if (setting.flag === undefined) continue
    const option = new Option(setting.flag, describe(setting)).helpGroup(`${setting.group}:`)
    if (setting.repeatable) option.argParser(collect)
    command.addOption(option)
  }
  return command
}

/** The values of flags that stand on the command line; defaults of commander are left out. */
export function givenFlags(command: Command): Flags {
  const given = Object.entries(command.opts<Record<string, string | boolean | string[]>>()).filter(
    ([name]) => command.getOptionValueSource(name) === 'cli',
  )
  return Object.fromEntries(given)
}

/** The variables of some settings, without whatever else the environment says of a server. */
export function ownEnvironment(chosen: readonly Setting<unknown>[], env: Environment): Environment {
  const names = chosen.flatMap((setting) => [setting.env, ...(setting.envAliases ?? [])])
  return Object.fromEntries(names.map((name) => [name, env[name]]))
}

/** Settings that only the environment can set, one a line. */
export function environmentHelp(): string {
  const variables = serverSettings.filter((setting) => setting.flag === undefined)
  const width = Math.max(...variables.map(({ env }) => env.length))
  const lines = variables.map((setting) => `  ${setting.env.padEnd(width)}  ${setting.description}${notes(setting)}`)
  return ['Only by environment variable:', ...lines].join('\n')
}

function describe(setting: Setting<unknown>): string {
  const description = setting.flagDescription ?? setting.description
  return `${description}${notes(setting, setting.env)}`
}

function notes(setting: Setting<unknown>, env?: string): string {
  const parts = [
    setting.repeatable && setting.flag !== undefined ? 'repeatable' : '',
    setting.defaultText === undefined || setting.defaultText === 'false' || setting.flagDescription !== undefined
      ? ''
      : `default: ${setting.defaultText}`,
    env === undefined ? '' : `env: ${env}`,
  ].filter((part) => part !== '')
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value]
}
