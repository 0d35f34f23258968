/** What the workflows of this folder need. */
export const sd15Models = [
  {
    name: 'v1-5-pruned-emaonly-fp16.safetensors',
    directory: 'checkpoints',
    url: 'https://huggingface.co/Comfy-Org/stable-diffusion-v1-5-archive/resolve/main/v1-5-pruned-emaonly-fp16.safetensors',
  },
] as const
