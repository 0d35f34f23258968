/*
 * Starts the ComfyUI simulator until it is interrupted.
 *
 *   node scripts/simulator.ts [--port N] [--version 0.33.0|0.3.64] [--test-nodes] [--step-delay-ms N] [--preview-method M]
 */
import { parseArgs } from 'node:util'
import closeWithGrace from 'close-with-grace'
import { createSimulator } from '../src/simulator/simulator.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8188' },
    version: { type: 'string', default: '0.33.0' },
    'test-nodes': { type: 'boolean', default: false },
    'step-delay-ms': { type: 'string', default: '30' },
    'preview-method': { type: 'string', default: 'none' },
  },
})

const simulator = await createSimulator({
  port: Number(values.port),
  version: values.version === '0.3.64' ? '0.3.64' : '0.33.0',
  testNodes: values['test-nodes'],
  stepDelayMs: Number(values['step-delay-ms']),
  previewMethod: values['preview-method'] === 'none' ? 'none' : 'latent2rgb',
})
console.log(simulator.url)
closeWithGrace({ delay: 5000 }, () => simulator.close())
