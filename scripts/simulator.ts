/*
 * Starts the ComfyUI simulator until it is interrupted.
 *
 *   node scripts/simulator.ts [--port N] [--version 0.33.0|0.3.64|0.3.40] [--test-nodes] [--step-delay-ms N]
 *     [--preview-method M] [--fault crash-every=20]... [--fault-seed TEXT] [--revive-after-ms N] [--control-routes]
 *
 * docs/simulator.md lists the faults. With --control-routes they can be changed at /simulator/faults.
 */
import { parseArgs } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { FaultSpecError } from '../src/simulator/faults/fault-spec.ts'
import { createSimulator } from '../src/simulator/simulator.ts'
import { simulatedVersions } from '../src/simulator/version-profile.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8188' },
    version: { type: 'string', default: '0.33.0' },
    'test-nodes': { type: 'boolean', default: false },
    'step-delay-ms': { type: 'string', default: '30' },
    'preview-method': { type: 'string', default: 'none' },
    fault: { type: 'string', multiple: true, default: [] },
    'fault-seed': { type: 'string', default: 'simulator' },
    'revive-after-ms': { type: 'string' },
    'control-routes': { type: 'boolean', default: false },
  },
})

const version = simulatedVersions.find((known) => known === values.version)
const reviveAfter = values['revive-after-ms']
try {
  if (version === undefined) throw new RangeError(`--version must be one of ${simulatedVersions.join(', ')}.`)
  const simulator = await createSimulator({
    port: Number(values.port),
    version,
    testNodes: values['test-nodes'],
    stepDelayMs: Number(values['step-delay-ms']),
    previewMethod: values['preview-method'] === 'none' ? 'none' : 'latent2rgb',
    faults: values.fault,
    faultSeed: values['fault-seed'],
    controlRoutes: values['control-routes'],
    ...(reviveAfter !== undefined && { reviveAfterMs: Number(reviveAfter) }),
  })
  console.log(simulator.url)
  closeWithGrace({ delay: 5000 }, () => simulator.close())
} catch (error) {
  if (!(error instanceof FaultSpecError || error instanceof RangeError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
