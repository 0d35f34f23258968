import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'

export default defineWorkflow({
  summary: 'A node that raises',
  RequestSchema: z.object({
    message: z.string().default('boom').describe('What it says'),
    kind: z.enum(['value', 'oom', 'key']).default('value').describe('What it raises'),
  }),
  generateWorkflow: ({ message, kind }) => ({
    '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 0 } },
    '2': { class_type: 'TestFail', inputs: { image: ['1', 0], message, kind } },
    '9': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'test' } },
  }),
})
