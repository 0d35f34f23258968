/** Folder → names of the model files in it. */
export type ModelFiles = Readonly<Record<string, readonly string[]>>

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

/** Input name → folder whose files are its choices. */
const foldersByInput: Readonly<Record<string, string>> = {
  ckpt_name: 'checkpoints',
  config_name: 'configs',
  vae_name: 'vae',
  lora_name: 'loras',
  existing_lora: 'loras',
  unet_name: 'diffusion_models',
  text_encoder: 'text_encoders',
  clip_name: 'text_encoders',
  clip_name1: 'text_encoders',
  clip_name2: 'text_encoders',
  clip_name3: 'text_encoders',
  clip_name4: 'text_encoders',
  control_net_name: 'controlnet',
  style_model_name: 'style_models',
  gligen_name: 'gligen',
  hypernetwork_name: 'hypernetworks',
  photomaker_model_name: 'photomaker',
  audio_encoder_name: 'audio_encoders',
  bg_removal_name: 'background_removal',
}

/** Class and input, where the name of the input alone does not tell. */
const foldersByClass: Readonly<Record<string, string>> = {
  'CLIPVisionLoader.clip_name': 'clip_vision',
  'UpscaleModelLoader.model_name': 'upscale_models',
  'LatentUpscaleModelLoader.model_name': 'latent_upscale_models',
  'ModelPatchLoader.name': 'model_patches',
  'FrameInterpolationModelLoader.model_name': 'frame_interpolation',
  'OpticalFlowLoader.model_name': 'optical_flow',
  'LoadMoGeModel.model_name': 'geometry_estimation',
  'LoadDA3Model.model_name': 'geometry_estimation',
  'LoadMediaPipeFaceLandmarker.model_name': 'detection',
}

/** The folder whose files an input of a core class offers. */
export function modelFolder(classType: string, inputName: string): string | undefined {
  return foldersByClass[`${classType}.${inputName}`] ?? foldersByInput[inputName]
}
