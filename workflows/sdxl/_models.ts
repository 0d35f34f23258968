/** Models that several workflows of this folder need. */
export const sdxlBase = {
  name: 'sd_xl_base_1.0.safetensors',
  directory: 'checkpoints',
  url: 'https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/resolve/main/sd_xl_base_1.0.safetensors',
} as const

export const sdxlVae = {
  name: 'sdxl_vae.safetensors',
  directory: 'vae',
  url: 'https://huggingface.co/stabilityai/sdxl-vae/resolve/main/sdxl_vae.safetensors',
  sha256: '63aeecb90ff7bc1c115395962d3e803571385b61938377bc7089b36e81e92e2e',
} as const
