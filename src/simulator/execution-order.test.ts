import { expect, test } from 'vitest'
import { coreNode } from '../comfyui/wire/core-nodes.ts'
import { planExecution } from './execution-order.ts'
import { WorkerDeath } from './node-cache.ts'
import type { SubmittedPrompt } from '../comfyui/wire/submitted-prompt.ts'

const textToImage: SubmittedPrompt = {
  3: {
    class_type: 'KSampler',
    inputs: { seed: 1, model: ['4', 0], positive: ['6', 0], negative: ['7', 0], latent_image: ['5', 0] },
  },
  4: { class_type: 'CheckpointLoaderSimple', inputs: {} },
  5: { class_type: 'EmptyLatentImage', inputs: {} },
  6: { class_type: 'CLIPTextEncode', inputs: { clip: ['4', 1] } },
  7: { class_type: 'CLIPTextEncode', inputs: { clip: ['4', 1] } },
  8: { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
  9: { class_type: 'SaveImage', inputs: { images: ['8', 0] } },
}

function order(prompt: SubmittedPrompt, outputs: string[], cached: string[] = []): string[] {
  const catalogue = { definition: (classType: string) => coreNode(classType) }
  const plan = planExecution({ prompt, outputs, catalogue, isCached: (nodeId) => cached.includes(nodeId) })
  const done: string[] = []
  for (let next = plan.next(); next !== undefined; next = plan.next()) {
    if (next.isInCycle) return [...done, `cycle at ${next.nodeId}`]
    done.push(next.nodeId)
    plan.complete(next.nodeId)
  }
  return done
}

test('runs the nodes of a prompt in the order of a recorded server', () => {
  expect(order(textToImage, ['9'])).toEqual(['4', '5', '7', '6', '3', '8', '9'])
})

test('leaves out what is cached and what only it needs', () => {
  expect(order(textToImage, ['9'], ['3', '4'])).toEqual(['8', '9'])
})

test('runs an output node as soon as it can', () => {
  const prompt = { ...textToImage, 10: { class_type: 'PreviewAny', inputs: { source: ['6', 0] } } }
  const done = order(prompt, ['9', '10'])
  expect(done.indexOf('10')).toBe(done.indexOf('6') + 1)
})

test('finds cycles and links that lead nowhere', () => {
  const cycle: SubmittedPrompt = {
    1: { class_type: 'ImageInvert', inputs: { image: ['2', 0] } },
    2: { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
    9: { class_type: 'SaveImage', inputs: { images: ['1', 0] } },
  }
  expect(order(cycle, ['9'])).toEqual(['cycle at 9'])
  expect(() => order({ 9: { class_type: 'SaveImage', inputs: { images: ['1', 0] } } }, ['9'])).toThrow(WorkerDeath)
})
