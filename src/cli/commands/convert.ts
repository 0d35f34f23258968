import { Command } from 'commander'
import { ConfigError } from '../../config/config-error.ts'
import type { Environment } from '../../config/environment.ts'
import { loadConfig } from '../../config/load-config.ts'
import type { Setting } from '../../config/setting.ts'
import { settings } from '../../config/settings.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { ConvertExport } from '../converting.ts'
import { addExportOptions, readExportOptions } from '../export-options.ts'
import { describeFault } from '../describe-start-error.ts'
import { exitOnMisuse, misuseExitCode } from '../exit-on-misuse.ts'
import { addSettingFlags, givenFlags, ownEnvironment } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

export interface ConvertDependencies {
  readonly env: Environment
  readonly terminal: Pick<Terminal, 'print' | 'printError' | 'flush'>
  readonly convertExport: ConvertExport
  /** Ends the process. */
  readonly exit: (code: number) => void
}

const ownSettings: readonly Setting<unknown>[] = [settings.comfyuiUrls, settings.connectTimeoutSeconds]

const about = `
The graph is printed alone; warnings, and which definitions were used, go to the standard error.
Exit code: 0 when there is a graph, 2 when there is none, with all the reasons.

The editor saves values without names; the definitions tell which is which. Without --comfyui-url and --object-info
only the nodes that ComfyUI comes with are known.

Pictures, videos and sounds that ComfyUI has saved carry the graph that made them: it is taken as it ran.

Examples:
  comfyui-api convert workflow.json > graph.json
  comfyui-api convert workflow.json --comfyui-url http://gpu:8188 > graph.json
  comfyui-api convert ComfyUI_00001_.png > graph.json
  comfyui-api convert --from-history last --comfyui-url http://gpu:8188 > graph.json
  comfyui-api convert - --object-info object_info.json < workflow.json`

export function convertCommand(dependencies: ConvertDependencies): Command {
  const command = new Command('convert')
    .description('Print the graph in API format of a workflow that was exported from ComfyUI.')
    .argument('[file]', 'A workflow as ComfyUI saves or exports it, or what it has made; - reads the standard input')
  return exitOnMisuse(addSettingFlags(addExportOptions(command), ownSettings), dependencies.exit)
    .addHelpText('after', about)
    .action((file: string | undefined) => convert(file, command, dependencies))
}

async function convert(file: string | undefined, command: Command, dependencies: ConvertDependencies): Promise<void> {
  const { env, terminal, convertExport, exit } = dependencies
  const shown = file ?? 'The prompt'
  try {
    // Where a demo is asked for, there are only the instances that somebody has named.
    const flags = { ...givenFlags(command), demo: true }
    const { comfyui } = loadConfig(ownEnvironment(ownSettings, env), flags).config
    const result = await convertExport(readExportOptions(command, file, comfyui))
    const definitions = result.source === undefined ? [] : [`The definitions are ${result.source}.`]
    if (result.kind === 'refused') {
      for (const reason of result.reasons) terminal.printError(reason)
      terminal.printError([`${shown} is not converted.`, ...definitions].join(' '))
      exit(misuseExitCode)
      return
    }
    for (const warning of result.warnings) terminal.printError(`warning: ${warning}`)
    terminal.printError(definitions.join(''))
    terminal.print(JSON.stringify(result.prompt, null, 2))
    await terminal.flush()
  } catch (error) {
    terminal.printError(`${shown} is not converted. ${describe(error)}`)
    exit(misuseExitCode)
  }
}

function describe(error: unknown): string {
  if (error instanceof ConfigError || error instanceof GatewayError) {
    return error instanceof GatewayError ? error.detail : error.message
  }
  // Files that the command line names.
  if (error instanceof Error && 'code' in error && 'path' in error) return error.message
  return describeFault(error)
}
