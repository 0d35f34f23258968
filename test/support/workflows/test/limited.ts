import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'

export default defineWorkflow({
  summary: 'A picture that must not take long',
  RequestSchema: z.object({ nonce: z.int().min(0).default(0).describe('Makes it another prompt') }),
  generateWorkflow: ({ nonce }) => ({
    '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: nonce } },
    '9': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'test' } },
  }),
  limits: { queueTimeoutSeconds: 1, stallTimeoutSeconds: 2, runTimeoutSeconds: 3 },
})
