import { defineWorkflow } from 'comfyui-api'
import { z } from 'zod'

/** Takes an image, and makes a file of as many bytes as asked for. */
export default defineWorkflow({
  summary: 'Measured by the benchmark of uploads',
  RequestSchema: z.object({
    nonce: z.int().min(0).describe('Makes every prompt another one'),
    bytes: z.int().min(0).describe('Size of the file'),
    image: z.string().describe('Any image'),
  }),
  generateWorkflow: ({ nonce, bytes, image }) => ({
    '1': { class_type: 'LoadImage', inputs: { image } },
    '9': { class_type: 'BenchMedia', inputs: { nonce, bytes, extension: 'png', image: ['1', 0] } },
  }),
})
