import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { ConfigError } from '../../config/config-error.ts'
import type { Environment } from '../../config/environment.ts'
import { loadConfig } from '../../config/load-config.ts'
import type { Setting } from '../../config/setting.ts'
import { settings } from '../../config/settings.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { writeDurably } from '../../lib/write-durably.ts'
import type { CheckedInstance } from '../checking.ts'
import { describeFault } from '../describe-start-error.ts'
import { exitOnMisuse, misuseExitCode } from '../exit-on-misuse.ts'
import { instancesOf } from '../instances-of.ts'
import { addSettingFlags, givenFlags, ownEnvironment } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

/** What an instance says of its node classes, word for word. Rejects with GatewayError when it does not. */
export type FetchObjectInfo = (
  instance: CheckedInstance,
  options: { readonly connectTimeoutMs: number },
) => Promise<string>

export interface ObjectInfoDependencies {
  readonly env: Environment
  readonly terminal: Pick<Terminal, 'print' | 'printError' | 'flush'>
  readonly fetchObjectInfo: FetchObjectInfo
  /** Ends the process. */
  readonly exit: (code: number) => void
}

const ownSettings: readonly Setting<unknown>[] = [settings.comfyuiUrls, settings.connectTimeoutSeconds]

const about = `
The file is what "comfyui-api check --object-info" takes where no ComfyUI can be reached.

Examples:
  comfyui-api object-info --comfyui-url http://gpu:8188 > object_info.json
  comfyui-api object-info --comfyui-url https://user:password@gpu.example --output object_info.json`

export function objectInfoCommand(dependencies: ObjectInfoDependencies): Command {
  const command = new Command('object-info')
    .description('Print what a ComfyUI says of its nodes, models and input files: one JSON document.')
    .addOption(new Option('--output <file>', 'Write this file, as a whole or not at all.'))
  return exitOnMisuse(addSettingFlags(command, ownSettings), dependencies.exit)
    .addHelpText('after', about)
    .action(() => printObjectInfo(command, dependencies))
}

async function printObjectInfo(command: Command, dependencies: ObjectInfoDependencies): Promise<void> {
  const { terminal, fetchObjectInfo, exit } = dependencies
  try {
    const { output, ...flags } = givenFlags(command)
    const { comfyui } = loadConfig(ownEnvironment(ownSettings, dependencies.env), flags).config
    const [instance, ...others] = instancesOf(comfyui)
    if (instance === undefined || others.length > 0) {
      throw new ConfigError(['Give one address of ComfyUI: each has nodes of its own.'])
    }
    const text = (await fetchObjectInfo(instance, comfyui)).trim()
    if (typeof output === 'string') {
      const file = resolve(output)
      await writeDurably(file, `${file}.part`, Buffer.from(`${text}\n`), 0o666)
    } else {
      terminal.print(text)
      await terminal.flush()
    }
  } catch (error) {
    terminal.printError(describe(error))
    exit(error instanceof ConfigError ? misuseExitCode : 1)
  }
}

function describe(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  if (error instanceof GatewayError) return error.detail
  // The file that the command line names.
  if (error instanceof Error && 'code' in error && 'path' in error) return error.message
  return describeFault(error)
}
