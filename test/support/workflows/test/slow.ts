import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'

export default defineWorkflow({
  summary: 'A picture after a while, in ticks',
  RequestSchema: z.object({
    seconds: z.number().min(0).max(60).describe('How long'),
    ticks: z.int().min(1).max(1000).default(10).describe('Progress steps'),
    nonce: z.int().min(0).default(0).describe('Makes it another prompt'),
  }),
  generateWorkflow: ({ seconds, ticks, nonce }) => ({
    '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 0 } },
    '2': { class_type: 'TestSleep', inputs: { image: ['1', 0], seconds, ticks, nonce } },
    '9': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'test' } },
  }),
})
