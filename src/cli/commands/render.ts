import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError } from '../../config/config-error.ts'
import type { Environment } from '../../config/environment.ts'
import { loadConfig } from '../../config/load-config.ts'
import { settings } from '../../config/settings.ts'
import { GatewayError, type FieldError } from '../../errors/gateway-error.ts'
import { dottedName } from '../../lib/json-pointer.ts'
import { describeFault } from '../describe-start-error.ts'
import type { RenderPrompt, RenderRequest } from '../rendering.ts'
import { addSettingFlags, givenFlags, ownEnvironment } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

export interface RenderDependencies {
  readonly env: Environment
  readonly terminal: Pick<Terminal, 'print' | 'printError'>
  readonly renderPrompt: RenderPrompt
  /** Ends the process. */
  readonly exit: (code: number) => void
}

interface RenderOptions {
  readonly input?: string
  readonly inputFile?: string
  readonly parameter?: readonly (readonly [string, string])[]
}

/** The only settings that matter here: whatever else the environment says of a server must not be in the way. */
const ownSettings = [settings.workflowFolders, settings.shippedWorkflows, settings.warmupCheckpoint]
const fileName = /\.(?:m?[jt]s|json|png)$/i
const standardInput = '-'

const examples = `
Examples:
  comfyui-api render qwen/qwen_base_txt2img -p prompt="a red fox" -p seed=42 > graph.json
  comfyui-api render ./mine/upscale.ts --input '{"scale": 2}' -p image=@photo.png
  comfyui-api render sd15/txt2img --input-file parameters.json`

export function renderCommand(dependencies: RenderDependencies): Command {
  const command = new Command('render')
    .description('Print the graph that a request to a workflow would run. Needs no server and no ComfyUI.')
    .argument('<workflow>', 'Name of a workflow, such as qwen/qwen_base_txt2img, or path of a module or export')
    .addOption(new Option('--input <json>', 'The parameters as JSON, as a request would have them.'))
    .addOption(
      new Option('--input-file <file>', 'File with the parameters as JSON; - reads standard input.').conflicts('input'),
    )
    .addOption(
      new Option(
        '-p, --parameter <name=value>',
        'One parameter (repeatable; wins over the JSON). An image as name=@file.',
      ).argParser(collectParameter),
    )
  return addSettingFlags(command, ownSettings)
    .addHelpText('after', examples)
    .action((workflow: string) => render(workflow, command, dependencies))
}

async function render(workflow: string, command: Command, dependencies: RenderDependencies): Promise<void> {
  const { env, terminal, renderPrompt, exit } = dependencies
  try {
    const { prompt, warnings } = await renderPrompt(readRequest(workflow, command, env))
    for (const warning of warnings) terminal.printError(`warning: ${warning}`)
    terminal.print(JSON.stringify(prompt, null, 2))
  } catch (error) {
    terminal.printError(`${workflow} cannot be rendered. ${describe(error)}`)
    exit(1)
  }
}

function readRequest(workflow: string, command: Command, env: Environment): RenderRequest {
  const { input, inputFile, parameter = [] } = command.opts<RenderOptions>()
  const inputText = inputFile === undefined ? input : readText(inputFile)
  const ownEnv = ownEnvironment(ownSettings, env)
  const { folders, warmupCheckpoint } = loadConfig(ownEnv, givenFlags(command)).config.workflows
  return {
    target: fileName.test(workflow) ? { file: workflow } : { name: workflow, folders },
    parameters: parameter,
    warmupCheckpoint,
    ...(inputText !== undefined && { inputText }),
  }
}

function readText(file: string): string {
  return readFileSync(file === standardInput ? 0 : file, 'utf8')
}

function collectParameter(text: string, previous: RenderOptions['parameter'] = []): RenderOptions['parameter'] {
  const end = text.indexOf('=')
  if (end < 1) throw new InvalidArgumentError('Write name=value.')
  return [...previous, [text.slice(0, end), text.slice(end + 1)]]
}

function describe(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  if (error instanceof GatewayError) {
    if (error.errors.length < 2) return error.detail
    return [`${error.errors.length} things are wrong:`, ...error.errors.map((each) => `  ${describeField(each)}`)].join(
      '\n',
    )
  }
  // Files that the command line names.
  if (error instanceof Error && 'code' in error && 'path' in error) return error.message
  return describeFault(error)
}

function describeField({ pointer = '', code, message }: FieldError): string {
  const name = dottedName(pointer)
  return name === '' || code === 'unknown_parameter' ? message : `${name} ${message}`
}
