import { Command } from 'commander'
import { ConfigError } from '../../config/config-error.ts'
import type { Environment } from '../../config/environment.ts'
import { loadConfig } from '../../config/load-config.ts'
import { loadLanguageModel } from '../../config/load-language-model.ts'
import { readModelInstructions, shippedWorkflowsFolder } from '../../config/package-info.ts'
import type { Setting } from '../../config/setting.ts'
import { settings } from '../../config/settings.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { describeFault } from '../describe-start-error.ts'
import { exitOnMisuse, misuseExitCode } from '../exit-on-misuse.ts'
import { addExportOptions, readExportOptions } from '../export-options.ts'
import { renderGenerated } from '../generated-text.ts'
import { describeModelUse } from '../model-use-text.ts'
import type { AskedLanguageModel, GeneratedModule, GenerateModule, GenerateRequest } from '../generating.ts'
import { addSettingFlags, givenFlags, ownEnvironment } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

export interface GenerateDependencies {
  readonly env: Environment
  readonly terminal: Terminal
  readonly generateModule: GenerateModule
  /** Ends the process. */
  readonly exit: (code: number) => void
}

interface GenerateOptions {
  readonly expose?: readonly string[]
  readonly hide?: readonly string[]
  readonly all: boolean
  readonly summary?: string
  readonly force: boolean
  readonly stdout: boolean
  readonly json: boolean
  readonly fromHistory?: string
}

/** The only settings that matter here: whatever else the environment says of a server must not be in the way. */
const ownSettings: readonly Setting<unknown>[] = [
  settings.comfyuiUrls,
  settings.connectTimeoutSeconds,
  settings.workflowFolders,
  settings.shippedWorkflows,
]
const modelSettings: readonly Setting<unknown>[] = [
  settings.languageModelUrl,
  settings.languageModelId,
  settings.languageModel,
]
const refusedExitCode = 1
const pipedWidth = 80
const widest = 120
const standardOutput = '-'

const about = `
The export is any file with a graph: as the editor saves it, in API format, or a picture, video or sound that ComfyUI has
made. Without <out>, the module goes into the first folder of --workflows, under the name of the export.

The module is loaded, must give the graph again, and is checked before it is written. Models that the server does not
have are told as warnings; every other error keeps it from being written. The export is copied beside the folder of the
module, into workflow_templates.

With a key in OPENROUTER_API_KEY a language model is asked for names and descriptions. It gets titles, notes, texts and
values of the workflow, and no media. What it says is verified as well; where it fails, the names are those of the rules.

Exit code: 0 when it is written, 1 when it is not, with all the reasons, 2 when the command cannot be understood.

Examples:
  comfyui-api generate-workflow flow.json my-workflows/draw/flow.ts
  comfyui-api generate-workflow ComfyUI_00001_.png --workflows my-workflows --comfyui-url http://gpu:8188
  comfyui-api generate-workflow --from-history last my-workflows/last.ts --comfyui-url http://gpu:8188
  comfyui-api generate-workflow flow.json --expose 12.shift=shift --hide steps --stdout`

export function generateWorkflowCommand(dependencies: GenerateDependencies): Command {
  const command = new Command('generate-workflow')
    .description('Make a workflow module of an exported workflow, verified before it is written.')
    .argument('[export]', 'A file with a graph; - reads the standard input. Not with --from-history')
    .argument('[out]', 'The module or its folder; - prints the module')
  return exitOnMisuse(
    addSettingFlags(addOwnOptions(addExportOptions(command)), [...ownSettings, ...modelSettings]),
    dependencies.exit,
  )
    .addHelpText('after', about)
    .action((first: string | undefined, second: string | undefined) =>
      generate({ first, second }, command, dependencies),
    )
}

function addOwnOptions(command: Command): Command {
  return command
    .option('--expose <node.input[=name]>', 'Make an input a parameter whatever the rules say (repeatable).', collect)
    .option('--hide <name|node.input>', 'Keep a parameter or an input as it is in the workflow (repeatable).', collect)
    .option('--all', 'Make a parameter of everything that can be one.', false)
    .option('--summary <text>', 'The line by which the workflow is listed; otherwise its name.')
    .option('--force', 'Write over what is there.', false)
    .option('--stdout', 'Print the module and write nothing.', false)
    .option('--json', 'Print what was made as one JSON document.', false)
}

interface Arguments {
  readonly first: string | undefined
  readonly second: string | undefined
}

async function generate(given: Arguments, command: Command, dependencies: GenerateDependencies): Promise<void> {
  const { env, terminal, generateModule, exit } = dependencies
  const { json } = command.opts<GenerateOptions>()
  try {
    const onProgress = (step: string) => terminal.printError(step)
    const result = await generateModule(readRequest(given, command, env), { onProgress })
    for (const line of describeModelUse(result.languageModel)) terminal.printError(line)
    if (result.kind === 'refused') {
      for (const reason of result.reasons) terminal.printError(reason)
      const definitions = result.definitions === undefined ? [] : [`The definitions are ${result.definitions}.`]
      terminal.printError(['Nothing is written.', ...definitions].join(' '))
      exit(refusedExitCode)
      return
    }
    print(result, json, terminal)
    await terminal.flush()
    // The module may hold the process with timers of its own.
    exit(0)
  } catch (error) {
    terminal.printError(`Nothing is written. ${describe(error)}`)
    exit(isMisuse(error) ? misuseExitCode : refusedExitCode)
  }
}

function print(made: GeneratedModule, json: boolean, terminal: Terminal): void {
  const text = renderGenerated(made, { width: Math.min(terminal.columns ?? pipedWidth, widest) })
  if (json) terminal.print(JSON.stringify(made, null, 2))
  else if (made.files !== undefined) terminal.print(text)
  else {
    terminal.printError(text)
    terminal.print(made.module.trimEnd())
  }
}

function readRequest({ first, second }: Arguments, command: Command, env: Environment): GenerateRequest {
  const options = command.opts<GenerateOptions>()
  const hasFile = options.fromHistory === undefined
  const [file, out, ...others] = hasFile ? [first, second] : [undefined, first, second]
  if (others[0] !== undefined) throw new ConfigError([`Give ${others[0]} or --from-history, not both.`])
  // Where a demo is asked for, there are only the instances that somebody has named.
  const { config } = loadConfig(ownEnvironment(ownSettings, env), { ...givenFlags(command), demo: true })
  const isPrinted = options.stdout || out === standardOutput
  if (options.stdout && out !== undefined && out !== standardOutput) {
    throw new ConfigError([`Give ${out} or --stdout, not both.`])
  }
  const shipped = shippedWorkflowsFolder()
  const { folders } = config.workflows
  return {
    ...readExportOptions(command, file, config.comfyui),
    parameters: { expose: options.expose ?? [], hide: options.hide ?? [], all: options.all },
    summary: options.summary,
    target: isPrinted ? { kind: 'printed' } : { kind: 'written', path: out, isForced: options.force },
    folders: folders.filter((folder) => folder !== shipped),
    shippedFolder: folders.includes(shipped) ? shipped : undefined,
    languageModel: readLanguageModel(command, env),
  }
}

function readLanguageModel(command: Command, env: Environment): AskedLanguageModel | undefined {
  const asked = loadLanguageModel(env, givenFlags(command))
  if (asked === undefined) return undefined
  return { ...asked, apiKey: asked.apiKey.reveal(), instructions: readModelInstructions() }
}

/** What the one who wrote the command has to write in another way. */
function isMisuse(error: unknown): boolean {
  if (error instanceof GatewayError) return error.code === 'validation_error' || error.code === 'malformed_body'
  return error instanceof ConfigError || isFileError(error)
}

/** Files that the command line names. */
function isFileError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && 'path' in error
}

function describe(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  if (error instanceof GatewayError) return error.detail
  return isFileError(error) ? error.message : describeFault(error)
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}
