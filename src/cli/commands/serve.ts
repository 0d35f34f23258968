import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import type { Logger } from 'pino'
import { ConfigError } from '../../config/config-error.ts'
import type { Config } from '../../config/config.ts'
import type { Environment } from '../../config/environment.ts'
import { type LoadedConfig, loadConfig } from '../../config/load-config.ts'
import { readPackageVersion } from '../../config/package-info.ts'
import { chooseLogFormat, createLogger } from '../../observability/logger.ts'
import { type BannerFacts, bannerFields, renderBanner, simulatedWarning } from '../banner.ts'
import { describeFault, describeStartError } from '../describe-start-error.ts'
import type { Gateway, StartGateway } from '../gateway.ts'
import type { Supervise } from '../process-lifecycle.ts'
import { addSettingOptions, givenFlags } from '../setting-options.ts'
import { originOfStray } from '../stray-errors.ts'
import type { Terminal } from '../terminal.ts'

export interface ServeDependencies {
  readonly env: Environment
  readonly terminal: Terminal
  readonly startGateway: StartGateway
  readonly supervise: Supervise
  /** Ends the process. */
  readonly exit: (code: number) => void
  /** How long the announcement waits for the instances to answer. One second unless given. */
  readonly contactTimeoutMs?: number
}

/** Time for releasing sockets and files after open requests were drained. */
const releaseTimeMs = 5_000
const contactPollMs = 25

export function serveCommand(dependencies: ServeDependencies): Command {
  const command = new Command('serve').description('Serve workflows over HTTP.')
  return addSettingOptions(command).action(() => serve(givenFlags(command), dependencies))
}

async function serve(flags: ReturnType<typeof givenFlags>, dependencies: ServeDependencies): Promise<void> {
  const loaded = readConfig(flags, dependencies)
  if (loaded === undefined) return
  const { config, warnings } = loaded
  const { terminal, exit } = dependencies
  const logger = createLogger({ ...config.logging, isTerminal: terminal.isTerminal })
  for (const warning of warnings) logger.warn(warning)
  if (config.demo.isOverridden) logger.info('An address of ComfyUI is given, so it is used instead of the simulator.')

  let running: Gateway | undefined
  // Modules may leave errors behind as soon as they are loaded.
  supervise(() => running, config, logger, dependencies)
  try {
    const { gateway, url } = await startListening(config, logger, dependencies)
    running = gateway
    await waitForContact(gateway, dependencies.contactTimeoutMs ?? 1_000)
    announce({ version: readPackageVersion(), url, config, summary: gateway.summary() }, logger, terminal)
  } catch (error) {
    const line = describeStartError(error, config)
    terminal.printError(`comfyui-api cannot start. ${line ?? describeFault(error)}`)
    exit(1)
  }
}

function readConfig(
  flags: ReturnType<typeof givenFlags>,
  { env, terminal, exit }: ServeDependencies,
): LoadedConfig | undefined {
  try {
    return loadConfig(env, flags)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problems = error.problems.map((problem) => `  ${problem}`)
    terminal.printError(['comfyui-api cannot start with these settings:', ...problems].join('\n'))
    exit(1)
    return undefined
  }
}

async function startListening(
  config: Config,
  logger: Logger,
  { startGateway }: ServeDependencies,
): Promise<{ gateway: Gateway; url: string }> {
  const gateway = await startGateway(config, { logger })
  try {
    return { gateway, ...(await gateway.listen()) }
  } catch (error) {
    await gateway.close()
    throw error
  }
}

function supervise(
  running: () => Gateway | undefined,
  config: Config,
  logger: Logger,
  dependencies: ServeDependencies,
): void {
  dependencies.supervise({
    closeTimeoutMs: config.server.drainMs + releaseTimeMs,
    async close(error) {
      if (error === undefined) logger.info('closing')
      else logger.fatal({ err: error }, 'closing because of an error that nobody caught')
      try {
        await running()?.close()
        logger.info('closed')
      } catch (fault) {
        logger.error({ err: fault }, 'not everything could be closed')
        throw fault
      }
    },
    reload() {
      const gateway = running()
      gateway?.reload().then(
        () => {
          logger.info({ workflows: gateway.summary().workflows.length }, 'workflows reloaded')
        },
        (error: unknown) => {
          logger.error({ err: error }, 'workflows could not be reloaded')
        },
      )
    },
    onStray(error, kind) {
      const { isHarmless, file } = originOfStray(error, kind, config.workflows.folders)
      if (!isHarmless) return false
      const who = file === undefined ? 'somebody' : 'a workflow module'
      logger.error({ err: error, file }, `${who} left an error behind that nobody caught`)
      return true
    },
    onForced(reason) {
      logger.error({ reason }, 'ended before everything was closed')
    },
  })
}

/**
 * Resolves when every instance has told its version and all workflows are checked, or when the time is up. Requests are
 * answered meanwhile.
 */
async function waitForContact(gateway: Gateway, timeoutMs: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const { instances, isChecked } = gateway.summary()
    if (isChecked && instances.every(({ version }) => version !== undefined)) return
    if (performance.now() >= deadlineMs) return
    await setTimeout(contactPollMs)
  }
}

function announce(facts: BannerFacts, logger: Logger, terminal: Terminal): void {
  if (!logger.isLevelEnabled('info')) return
  const format = chooseLogFormat({ ...facts.config.logging, isTerminal: terminal.isTerminal })
  if (format === 'pretty') {
    terminal.print(renderBanner(facts))
    return
  }
  if (facts.config.demo.isEnabled) logger.warn(simulatedWarning)
  logger.info(bannerFields(facts), 'listening')
}
