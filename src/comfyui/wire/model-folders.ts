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
