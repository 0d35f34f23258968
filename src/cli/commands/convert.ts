import { Command, Option } from 'commander'
import { ConfigError } from '../../config/config-error.ts'
import type { Config } from '../../config/config.ts'
import type { Environment } from '../../config/environment.ts'
import { loadConfig } from '../../config/load-config.ts'
import type { Setting } from '../../config/setting.ts'
import { settings } from '../../config/settings.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { ConversionDefinitions, ConvertExport } from '../converting.ts'
import { describeFault } from '../describe-start-error.ts'
import { exitOnMisuse, misuseExitCode } from '../exit-on-misuse.ts'
import { instancesOf } from '../instances-of.ts'
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

Examples:
  comfyui-api convert workflow.json > graph.json
  comfyui-api convert workflow.json --comfyui-url http://gpu:8188 > graph.json
  comfyui-api convert - --object-info object_info.json < workflow.json`

export function convertCommand(dependencies: ConvertDependencies): Command {
  const command = new Command('convert')
    .description('Print the graph in API format of a workflow that was exported from ComfyUI.')
    .argument('<file>', 'The workflow as ComfyUI saves or exports it; - reads the standard input')
    .addOption(
      new Option(
        '--object-info <file>',
        'What /object_info of a ComfyUI said, from a file; - reads the standard input.',
      ).conflicts('comfyuiUrl'),
    )
  return exitOnMisuse(addSettingFlags(command, ownSettings), dependencies.exit)
    .addHelpText('after', about)
    .action((file: string) => convert(file, command, dependencies))
}

async function convert(file: string, command: Command, dependencies: ConvertDependencies): Promise<void> {
  const { env, terminal, convertExport, exit } = dependencies
  try {
    const result = await convertExport({ file, definitions: readDefinitions(command, env) })
    const definitions = `The definitions are ${result.source}.`
    if (result.kind === 'refused') {
      for (const reason of result.reasons) terminal.printError(reason)
      terminal.printError(`${file} is not converted. ${definitions}`)
      exit(misuseExitCode)
      return
    }
    for (const warning of result.warnings) terminal.printError(`warning: ${warning}`)
    terminal.printError(definitions)
    terminal.print(JSON.stringify(result.prompt, null, 2))
    await terminal.flush()
  } catch (error) {
    terminal.printError(`${file} is not converted. ${describe(error)}`)
    exit(misuseExitCode)
  }
}

function readDefinitions(command: Command, env: Environment): ConversionDefinitions {
  const { objectInfo } = command.opts<{ objectInfo?: string }>()
  // Where a demo is asked for, there are only the instances that somebody has named.
  const flags = { ...givenFlags(command), demo: true }
  const { comfyui } = loadConfig(ownEnvironment(ownSettings, env), flags).config
  if (objectInfo !== undefined) return { kind: 'file', file: objectInfo }
  return definitionsOf(comfyui)
}

function definitionsOf(comfyui: Config['comfyui']): ConversionDefinitions {
  const [instance, ...others] = instancesOf(comfyui)
  if (others.length > 0) throw new ConfigError(['Give one address of ComfyUI: each has nodes of its own.'])
  if (instance === undefined) return { kind: 'core' }
  return { kind: 'instance', instance, connectTimeoutMs: comfyui.connectTimeoutMs }
}

function describe(error: unknown): string {
  if (error instanceof ConfigError || error instanceof GatewayError) {
    return error instanceof GatewayError ? error.detail : error.message
  }
  // Files that the command line names.
  if (error instanceof Error && 'code' in error && 'path' in error) return error.message
  return describeFault(error)
}
