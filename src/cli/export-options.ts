import { type Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError } from '../config/config-error.ts'
import type { Config } from '../config/config.ts'
import type { ConversionDefinitions, ExportChoice } from './converting.ts'
import { instancesOf } from './instances-of.ts'

interface ExportOptions {
  readonly objectInfo?: string
  readonly fromHistory?: string
}

/** Option: `--object-info`. */
export function objectInfoOption(): Option {
  return new Option(
    '--object-info <file>',
    'What /object_info of a ComfyUI said, from a file; - reads the standard input.',
  ).conflicts('comfyuiUrl')
}

/** Options by which the commands that read exports find one, and know its nodes. */
export function addExportOptions(command: Command): Command {
  return command.addOption(objectInfoOption()).addOption(
    new Option(
      '--from-history <id>',
      'In place of a file: what the ComfyUI at --comfyui-url has run, by its prompt id; last is the newest.',
    ).argParser((id: string) => {
      if (/^[\w.-]+$/.test(id)) return id
      throw new InvalidArgumentError('Write the id of a prompt, or last.')
    }),
  )
}

/**
 * The export and the definitions that the options name.
 * @throws ConfigError when they do not go together
 */
export function readExportOptions(
  command: Command,
  file: string | undefined,
  comfyui: Config['comfyui'],
): { readonly source: ExportChoice; readonly definitions: ConversionDefinitions } {
  const { objectInfo, fromHistory } = command.opts<ExportOptions>()
  const [instance, ...others] = instancesOf(comfyui)
  const { connectTimeoutMs } = comfyui
  if (fromHistory !== undefined && file !== undefined) {
    throw new ConfigError([`Give ${file} or --from-history, not both.`])
  }
  if (instance !== undefined && others.length > 0 && (objectInfo === undefined || fromHistory !== undefined)) {
    throw new ConfigError(['Give one address of ComfyUI: each has nodes of its own.'])
  }
  const definitions: ConversionDefinitions =
    objectInfo !== undefined
      ? { kind: 'file', file: objectInfo }
      : instance === undefined
        ? { kind: 'core' }
        : { kind: 'instance', instance, connectTimeoutMs }
  if (fromHistory === undefined) {
    if (file === undefined) throw new ConfigError(['Give a file, -, or --from-history.'])
    return { source: { kind: 'file', file }, definitions }
  }
  if (instance === undefined) throw new ConfigError(['--from-history needs --comfyui-url, the ComfyUI that is asked.'])
  const promptId = fromHistory === 'last' ? undefined : fromHistory
  return { source: { kind: 'history', promptId, instance, connectTimeoutMs }, definitions }
}
