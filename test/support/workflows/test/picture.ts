import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'

export default defineWorkflow({
  summary: 'A picture at once',
  RequestSchema: z.object({
    color: z.int().min(0).max(0xffffff).describe('Colour as a number'),
    batch_size: z.int().min(1).max(8).default(1).describe('How many'),
  }),
  generateWorkflow: ({ color, batch_size }) => ({
    '1': { class_type: 'EmptyImage', inputs: { width: 32, height: 32, batch_size, color } },
    '9': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'test' } },
  }),
  outputs: { image: '9' },
})
