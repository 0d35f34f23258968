import { z } from 'zod'
import { defineWorkflow, model3d } from 'comfyui-api'

export default defineWorkflow({
  summary: 'Looks at the 3D model that was sent',
  RequestSchema: z.object({ model: model3d().describe('Any 3D model') }),
  generateWorkflow: ({ model }) => ({
    '1': { class_type: 'Load3D', inputs: { model_file: model, image: {}, width: 64, height: 64 } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'test' } },
  }),
})
