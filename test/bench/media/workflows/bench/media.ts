import { defineWorkflow } from 'comfyui-api'
import { z } from 'zod'

/** A file of as many bytes as asked for, by a node that only the stand-in of the benchmark has. */
export default defineWorkflow({
  summary: 'Measured by the benchmark of media',
  RequestSchema: z.object({
    nonce: z.int().min(0).describe('Makes every prompt another one'),
    bytes: z.int().min(0).describe('Size of the file'),
    extension: z.enum(['png', 'mp4']).default('png').describe('What the file is'),
  }),
  generateWorkflow: ({ nonce, bytes, extension }) => ({
    '9': { class_type: 'BenchMedia', inputs: { nonce, bytes, extension } },
  }),
})
