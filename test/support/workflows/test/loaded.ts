import { z } from 'zod'
import { defineWorkflow, image } from 'comfyui-api'

export default defineWorkflow({
  summary: 'Gives back the picture that was sent',
  RequestSchema: z.object({ picture: image().describe('Any picture') }),
  generateWorkflow: ({ picture }) => ({
    '1': { class_type: 'LoadImage', inputs: { image: picture } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'test' } },
  }),
})
