import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'

export default defineWorkflow({
  summary: 'Parameters looser than the nodes they feed',
  RequestSchema: z.object({
    size: z.object({ width: z.int().describe('Pixels') }).describe('Of the picture'),
    model: z.string().default('none').describe('Only there to be wrong'),
    load: z.boolean().default(false).describe('Whether the model is used'),
  }),
  generateWorkflow: ({ size, model, load }) => ({
    '1': { class_type: 'EmptyImage', inputs: { width: size.width, height: 16, batch_size: 1, color: 0 } },
    '9': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'test' } },
    ...(load && {
      '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: model } },
      '5': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
      '6': { class_type: 'VAEDecode', inputs: { samples: ['5', 0], vae: ['4', 2] } },
      '7': { class_type: 'SaveImage', inputs: { images: ['6', 0], filename_prefix: 'test' } },
    }),
  }),
})
