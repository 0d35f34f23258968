import type { Logger } from 'pino'
import { ConfigError } from '../config/config-error.ts'
import type { Config } from '../config/config.ts'
import { namedModels } from '../readiness/named-models.ts'
import { faultsPath } from '../simulator/faults/control-routes.ts'
import { FaultSpecError } from '../simulator/faults/fault-spec.ts'
import { createSimulator, type Simulator } from '../simulator/simulator.ts'
import type { ServedWorkflow, WorkflowRegistry } from '../workflows/served-workflow.ts'

/** A simulator that has every model that a served workflow asks for. */
export interface Demo {
  readonly url: URL
  /** Calls back whenever it has models that it did not have before, because workflows changed. */
  onNewModels(listener: () => void): void
  close(): Promise<void>
}

const label = 'SIMULATED'
/** A demo goes on after a crash that was ordered. */
const reviveAfterMs = 2_000

/** @throws ConfigError for a fault that is none */
export async function startDemo(settings: Config['demo'], registry: WorkflowRegistry, logger: Logger): Promise<Demo> {
  const simulator = await startSimulator(settings)
  const supplied = new WeakSet<ServedWorkflow>()

  /** Never rejects. */
  async function supply(): Promise<boolean> {
    let isNew = false
    for (const workflow of registry.list()) {
      if (supplied.has(workflow)) continue
      supplied.add(workflow)
      isNew = simulator.addModels(await namedModels(workflow)) || isNew
    }
    return isNew
  }

  await supply()
  logger.info({ url: simulator.url, faults: `${simulator.url}${faultsPath}` }, 'simulator ready')
  return {
    url: new URL(simulator.url),
    onNewModels(listener) {
      registry.onChange(() => {
        void supply().then((isNew) => {
          if (isNew) listener()
        })
      })
    },
    close: () => simulator.close(),
  }
}

async function startSimulator({ stepMs, faults }: Config['demo']): Promise<Simulator> {
  try {
    return await createSimulator({
      version: '0.33.0',
      stepDelayMs: stepMs,
      label,
      reviveAfterMs,
      controlRoutes: true,
      faults,
    })
  } catch (error) {
    throw error instanceof FaultSpecError ? new ConfigError([error.message]) : error
  }
}
