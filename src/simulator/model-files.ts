/** Folder → names of the model files in it. */
export type ModelFiles = Readonly<Record<string, readonly string[]>>

/** Model files by folder, to which others may be added. */
export interface ModelLists {
  /** As they are now. */
  files(): ModelFiles
  /** Says whether any of them is new. */
  add(files: ModelFiles): boolean
}

export function createModelLists(first: ModelFiles): ModelLists {
  let files = first
  return {
    files: () => files,
    add(added) {
      const merged = Object.entries(added).map(([folder, names]): [string, readonly string[]] => [
        folder,
        [...new Set([...(files[folder] ?? []), ...names])].sort(),
      ])
      const isNew = merged.some(([folder, names]) => names.length > (files[folder]?.length ?? 0))
      if (isNew) files = { ...files, ...Object.fromEntries(merged) }
      return isNew
    },
  }
}

/** The files that the shipped workflows and the common templates name; the simulator reads none of them. */
export const defaultModelFiles: ModelFiles = {
  checkpoints: [
    'HuslyoRealismXL.safetensors',
    'huslyorealismxl_v10.safetensors',
    'sd_xl_base_1.0.safetensors',
    'sd_xl_refiner_1.0.safetensors',
    'v1-5-pruned-emaonly-fp16.safetensors',
  ],
  diffusion_models: [
    'flux1-depth-dev.safetensors',
    'flux1-dev.safetensors',
    'flux1-schnell.safetensors',
    'qwen_image_edit_fp8_e4m3fn.safetensors',
    'qwen_image_fp8_e4m3fn.safetensors',
  ],
  text_encoders: [
    'clip_l.safetensors',
    'qwen_2.5_vl_7b_fp8_scaled.safetensors',
    't5xxl_fp16.safetensors',
    't5xxl_fp8_e4m3fn.safetensors',
  ],
  vae: ['ae.safetensors', 'qwen_image_vae.safetensors', 'sdxl_vae.safetensors'],
  loras: [
    'Qwen-Image-Edit-Lightning-4steps-V1.0-bf16.safetensors',
    'Qwen-Image-Lightning-4steps-V1.0.safetensors',
    'Touch-of-Realism-SDXL-V2.safetensors',
    'flux1-depth-dev-lora.safetensors',
  ],
  upscale_models: ['4x-UltraSharp.pth', '4x_foolhardy_Remacri.pth', 'RealESRGAN_x4plus.safetensors'],
}
