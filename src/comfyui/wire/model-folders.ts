/** The folders below `models/` that ComfyUI itself has. Packs of custom nodes add others. */
export const coreModelFolders = [
  'audio_encoders',
  'background_removal',
  'checkpoints',
  'clip_vision',
  'configs',
  'controlnet',
  'detection',
  'diffusers',
  'diffusion_models',
  'embeddings',
  'frame_interpolation',
  'geometry_estimation',
  'gligen',
  'hypernetworks',
  'latent_upscale_models',
  'loras',
  'model_patches',
  'optical_flow',
  'photomaker',
  'style_models',
  'text_encoders',
  'upscale_models',
  'vae',
  'vae_approx',
] as const

/** What ComfyUI called a folder before → what it calls it now. It goes on taking both. */
const earlierNames: Readonly<Record<string, string>> = { unet: 'diffusion_models', clip: 'text_encoders' }

/** The name of a folder, where `name` may be one that it had before. */
export function currentModelFolder(name: string): string {
  return Object.hasOwn(earlierNames, name) ? (earlierNames[name] ?? name) : name
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
  const place = `${classType}.${inputName}`
  if (Object.hasOwn(foldersByClass, place)) return foldersByClass[place]
  return Object.hasOwn(foldersByInput, inputName) ? foldersByInput[inputName] : undefined
}
