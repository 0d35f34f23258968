import { z } from 'zod'
import { defineWorkflow, image } from 'comfyui-api'

export default defineWorkflow({
  summary: 'Gives back the picture that was sent, after a while',
  RequestSchema: z.object({
    picture: image().describe('Any picture'),
    number: z.int().min(1).max(0xffffff).describe('Its colour, which tells the jobs apart'),
    seconds: z.number().min(0).max(60).default(0).describe('How long'),
    ticks: z.int().min(1).max(1000).default(2).describe('Progress steps'),
  }),
  generateWorkflow: ({ picture, number, seconds, ticks }) => ({
    '1': { class_type: 'LoadImage', inputs: { image: picture } },
    '2': { class_type: 'TestSleep', inputs: { image: ['1', 0], seconds, ticks, nonce: number } },
    '9': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'chaos' } },
  }),
})
