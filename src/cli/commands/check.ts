import { Command, Option } from 'commander'
import { ConfigError } from '../../config/config-error.ts'
import type { Config } from '../../config/config.ts'
import type { Environment } from '../../config/environment.ts'
import { loadConfig } from '../../config/load-config.ts'
import type { Setting } from '../../config/setting.ts'
import { settings } from '../../config/settings.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { checkDocument, countProblems } from '../check-document.ts'
import { renderCheck } from '../check-text.ts'
import type { CheckRequest, CheckWorkflows, DefinitionsChoice } from '../checking.ts'
import { describeFault } from '../describe-start-error.ts'
import { exitOnMisuse, misuseExitCode } from '../exit-on-misuse.ts'
import { instancesOf } from '../instances-of.ts'
import { addSettingFlags, givenFlags, ownEnvironment } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

export interface CheckDependencies {
  readonly env: Environment
  readonly terminal: Terminal
  readonly checkWorkflows: CheckWorkflows
  /** Ends the process. */
  readonly exit: (code: number) => void
}

interface CheckOptions {
  readonly objectInfo?: string
  readonly json: boolean
  readonly strict: boolean
}

/** The only settings that matter here: whatever else the environment says of a server must not be in the way. */
const ownSettings: readonly Setting<unknown>[] = [
  settings.comfyuiUrls,
  settings.connectTimeoutSeconds,
  settings.workflowFolders,
  settings.shippedWorkflows,
  settings.warmupCheckpoint,
]
const pipedWidth = 80
const widest = 120

const about = `
Exit code: 0 without errors, 1 with errors, 2 when nothing could be checked.

Without --comfyui-url and --object-info only the nodes that ComfyUI comes with are known.
Without paths, the folders that serve would serve are checked.

Examples:
  comfyui-api check
  comfyui-api check mine/ --comfyui-url http://gpu:8188
  comfyui-api check mine/upscale.ts graph.json --object-info object_info.json --json`

export function checkCommand(dependencies: CheckDependencies): Command {
  const command = new Command('check')
    .description('Say what is wrong with workflows and graphs, before anything runs.')
    .argument('[path...]', 'Folders of modules, modules, or files with a graph in any form; - reads such a file')
    .addOption(
      new Option(
        '--object-info <file>',
        'What /object_info of a ComfyUI said, from a file; - reads standard input.',
      ).conflicts('comfyuiUrl'),
    )
    .option('--json', 'Print one JSON document.', false)
    .option('--strict', 'Let warnings count as errors do.', false)
  return exitOnMisuse(addSettingFlags(command, ownSettings), dependencies.exit)
    .addHelpText('after', about)
    .action((paths: readonly string[]) => check(paths, command, dependencies))
}

async function check(paths: readonly string[], command: Command, dependencies: CheckDependencies): Promise<void> {
  const { env, terminal, checkWorkflows, exit } = dependencies
  const { json, strict } = command.opts<CheckOptions>()
  try {
    const report = await checkWorkflows(readRequest(paths, command, env))
    const isColored = terminal.isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
    terminal.print(
      json
        ? JSON.stringify(checkDocument(report), null, 2)
        : renderCheck(report, { width: Math.min(terminal.columns ?? pipedWidth, widest), isColored }),
    )
    await terminal.flush()
    const { error, warning } = countProblems(report)
    // Modules may hold the process with timers of theirs.
    exit(error > 0 || (strict && warning > 0) ? 1 : 0)
  } catch (error) {
    terminal.printError(`Nothing is checked. ${describe(error)}`)
    exit(misuseExitCode)
  }
}

function readRequest(paths: readonly string[], command: Command, env: Environment): CheckRequest {
  const { objectInfo } = command.opts<CheckOptions>()
  const flags = givenFlags(command)
  // Where a demo is asked for, there are only the instances that somebody has named.
  const { config } = loadConfig(ownEnvironment(ownSettings, env), { ...flags, demo: true })
  const { folders, warmupCheckpoint } = config.workflows
  return {
    target: paths.length > 0 ? { paths } : { folders },
    definitions: chooseDefinitions(objectInfo, config.comfyui),
    warmupCheckpoint,
  }
}

function chooseDefinitions(file: string | undefined, comfyui: Config['comfyui']): DefinitionsChoice {
  if (file !== undefined) return { kind: 'file', file }
  if (comfyui.instances.length === 0) return { kind: 'core' }
  return { kind: 'instances', instances: instancesOf(comfyui), connectTimeoutMs: comfyui.connectTimeoutMs }
}

function describe(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  if (error instanceof GatewayError) return error.detail
  // Files that the command line names.
  if (error instanceof Error && 'code' in error && 'path' in error) return error.message
  return describeFault(error)
}
