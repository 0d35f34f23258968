import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'

export default defineWorkflow({
  summary: 'A text for a result',
  RequestSchema: z.object({ text: z.string().describe('What comes back') }),
  generateWorkflow: ({ text }) => ({ '1': { class_type: 'TestText', inputs: { text } } }),
})
