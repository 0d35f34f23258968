import { Command, Option } from 'commander'
import { ConfigError } from '../../config/config-error.ts'
import type { Environment } from '../../config/environment.ts'
import { readSetting } from '../../config/read-setting.ts'
import { settings } from '../../config/settings.ts'
import { exitOnMisuse, misuseExitCode } from '../exit-on-misuse.ts'
import { addSettingFlags, givenFlags } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

/** What a server said of itself, or why it said nothing. Never rejects. With a key it is told who asks. */
export type AskServer = (
  url: URL,
  key: string | undefined,
) => Promise<{ readonly isWell: boolean; readonly told: string }>

export interface HealthDependencies {
  readonly env: Environment
  readonly terminal: Pick<Terminal, 'print' | 'printError' | 'flush'>
  readonly askServer: AskServer
  /** Ends the process. */
  readonly exit: (code: number) => void
}

const about = `
For the health checks of containers, which often have no curl. Where COMFYUI_API_KEY is set it is sent. Exit code: 0 when the server is well, 1 when it is not or
does not answer, 2 when the command is wrong.

Examples:
  comfyui-api health
  comfyui-api health --ready --port 3001`

export function healthCommand(dependencies: HealthDependencies): Command {
  const command = new Command('health')
    .description('Ask the server that listens on this machine how it is.')
    .addOption(new Option('--ready', 'Ask whether it takes jobs, and not only whether it is alive.'))
  return exitOnMisuse(addSettingFlags(command, [settings.port, settings.host]), dependencies.exit)
    .addHelpText('after', about)
    .action(() => askHealth(command, dependencies))
}

async function askHealth(command: Command, { env, terminal, askServer, exit }: HealthDependencies): Promise<void> {
  const { ready, ...flags } = givenFlags(command)
  const problems: string[] = []
  const port = readSetting(settings.port, { env, flags, problems })
  const host = readSetting(settings.host, { env, flags, problems })
  const [key] = readSetting(settings.apiKeys, { env, flags, problems })
  if (problems.length > 0) {
    terminal.printError(new ConfigError(problems).message)
    return exit(misuseExitCode)
  }
  const url = new URL(ready === true ? '/ready' : '/health', addressOf(host, port))
  const { isWell, told } = await askServer(url, key?.reveal())
  if (isWell) terminal.print(told)
  else terminal.printError(told)
  await terminal.flush()
  if (!isWell) exit(1)
}

/** Who listens on all addresses listens on that of the machine itself. */
function addressOf(host: string, port: number): string {
  const reached = new Map([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '[::1]'],
  ]).get(host)
  return `http://${reached ?? (host.includes(':') ? `[${host}]` : host)}:${String(port)}`
}
