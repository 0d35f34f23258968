import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'

export default defineWorkflow({
  summary: 'A picture in one colour, after a while',
  RequestSchema: z.object({
    number: z.int().min(1).max(0xffffff).describe('The colour, which tells the jobs apart'),
    seconds: z.number().min(0).max(60).default(0).describe('How long'),
    ticks: z.int().min(1).max(1000).default(2).describe('Progress steps'),
  }),
  generateWorkflow: ({ number, seconds, ticks }) => ({
    '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: number } },
    '2': { class_type: 'TestSleep', inputs: { image: ['1', 0], seconds, ticks, nonce: number } },
    '9': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'chaos' } },
  }),
})
