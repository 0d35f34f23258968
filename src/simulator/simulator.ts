import { controlAnswer } from './faults/control-routes.ts'
import { createFaultPlan, type FaultControls } from './faults/fault-plan.ts'
import { createFileStore, type FileStore } from './file-store.ts'
import { createModelLists, defaultModelFiles, type ModelFiles } from './model-files.ts'
import { createNodeCatalogue } from './node-catalogue.ts'
import type { PromptQueue } from './prompt-queue.ts'
import { createServerLife } from './server-life.ts'
import { createServerProcess, type PreviewMethod, type ServerProcess } from './server-process.ts'
import { versionProfile, type SimulatedVersion } from './version-profile.ts'

export type { PreviewMethod } from './server-process.ts'

export interface SimulatorOptions {
  /** The ComfyUI release that is simulated (default 0.33.0). */
  version?: SimulatedVersion
  /** Adds the classes TestSleep, TestFail and TestText. */
  testNodes?: boolean
  /** The model files that it claims to have, by folder. */
  models?: ModelFiles
  host?: string
  /** 0 takes any free port. */
  port?: number
  /** How long a sampler step takes. */
  stepDelayMs?: number
  /** Drawn into every picture that it makes. */
  label?: string
  /** Previews of prompts that do not choose any themselves (`--preview-method`). */
  previewMethod?: PreviewMethod
  /** Bytes of output and temporary files that are kept; older ones are forgotten. */
  maxFileBytes?: number
  /** What is to go wrong, as `faults.set` takes it. */
  faults?: readonly string[]
  /** Of the faults that strike by chance: the same seed and the same occasions give the same faults. */
  faultSeed?: string
  /** After this time a process that crashed is started again. Left out: only by `revive`. */
  reviveAfterMs?: number
  /** Faults can be set at `/simulator/faults`; only on a loopback address. */
  controlRoutes?: boolean
}

export interface Simulator {
  /** Without a slash at the end. */
  readonly url: string
  readonly port: number
  readonly queue: Pick<PromptQueue, 'running' | 'pending' | 'size'>
  readonly files: FileStore
  readonly faults: FaultControls
  /** Puts model files into its folders. Says whether any of them is new. */
  addModels(files: ModelFiles): boolean
  /** Ends the process at once, as the fault `crash` does. */
  crash(): void
  /** Resolves when connections are accepted again after a crash. */
  revive(): Promise<void>
  /** Ends the running prompt, all connections and all timers. */
  close(): Promise<void>
}

const defaultStepDelayMs = 30
const defaultMaxFileBytes = 512 * 1024 * 1024

/**
 * Starts a stand-in for a ComfyUI server: the same HTTP and WebSocket interface, with drawn pictures in place of models.
 * Everything it stores is in memory. @throws when the port is taken; FaultSpecError for a fault that is none
 */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', port = 0, testNodes = false, label = 'SIMULATED', previewMethod = 'none' } = options
  const models = createModelLists(options.models ?? defaultModelFiles)
  const { stepDelayMs = defaultStepDelayMs, maxFileBytes = defaultMaxFileBytes } = options
  const { faults = [], faultSeed = 'simulator', reviveAfterMs, controlRoutes = false } = options
  if (controlRoutes && !isLoopback(host)) throw new Error(`faults cannot be controlled on ${host}, only on loopback`)
  const profile = versionProfile(options.version ?? '0.33.0')
  const files = createFileStore({ maxBytes: maxFileBytes })
  const catalogue = createNodeCatalogue({ version: profile.nodesOf, models, testNodes, files })
  const plan = createFaultPlan({ seed: faultSeed, onSetNow: () => life.current().reach('now') })

  function boot(): ServerProcess {
    files.clear('temp')
    return createServerProcess({
      profile,
      catalogue,
      files,
      models,
      label,
      stepDelayMs,
      previewMethod,
      plan,
      outerFaults: [
        ['refuse', ({ ms = 0 }) => life.refuse(ms)],
        ['restart', ({ ms = 0 }) => life.crash(ms)],
        ['crash', () => life.crash(reviveAfterMs)],
      ],
    })
  }

  const control = controlRoutes ? controlAnswer(plan) : undefined
  const life = await createServerLife({
    host,
    port,
    boot,
    answer(process, request, response) {
      if (control?.(request, response) !== true) process.answer(request, response)
    },
  })
  try {
    plan.set(...faults)
  } catch (error) {
    await life.close()
    throw error
  }

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${life.port}`,
    port: life.port,
    queue: {
      running: () => life.current().queue.running(),
      pending: () => life.current().queue.pending(),
      size: () => life.current().queue.size(),
    },
    files,
    faults: plan,
    addModels: (files) => models.add(files),
    crash: () => life.crash(reviveAfterMs),
    revive: () => life.revive(),
    close: () => life.close(),
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
