import { defineWorkflow } from 'comfyui-api'
import { z } from 'zod'

/** A picture of 64 × 64 in as many ticks as asked for: next to nothing for ComfyUI, so that the gateway is what is measured. */
export default defineWorkflow({
  summary: 'Measured by the benchmark',
  RequestSchema: z.object({
    nonce: z.int().min(0).describe('Makes every prompt another one'),
    ticks: z.int().min(0).max(100).default(0).describe('Progress steps'),
    seconds: z.number().min(0).max(10).default(0).describe('How long it takes, where there are steps'),
  }),
  generateWorkflow: ({ nonce, ticks, seconds }) => ({
    '1': { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: nonce % 0xffffff } },
    ...(ticks > 0 && {
      '2': { class_type: 'TestSleep', inputs: { image: ['1', 0], seconds, ticks, nonce } },
    }),
    '9': { class_type: 'SaveImage', inputs: { images: [ticks > 0 ? '2' : '1', 0], filename_prefix: 'bench' } },
  }),
})
