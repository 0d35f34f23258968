import type { Media } from './parameter-plan.ts'

/*
 * What inputs of well-known classes mean. Where a class is not named here, the name of the input decides.
 */

/** Class and input that load a file of ComfyUI's input folder. */
export const mediaInputs: Readonly<Record<string, Media>> = {
  'LoadImage.image': 'image',
  'LoadImageOutput.image': 'image',
  'LoadImageMask.image': 'mask',
  'LoadVideo.file': 'video',
  'LoadAudio.audio': 'audio',
  'RecordAudio.audio': 'audio',
  'WebcamCapture.image': 'image',
  'Painter.mask': 'mask',
  'VHS_LoadVideo.video': 'video',
  'VHS_LoadVideoFFmpeg.video': 'video',
  'VHS_LoadAudioUpload.audio': 'audio',
}

/** Flags of a definition that mark such an input in any class. */
export const mediaFlags: Readonly<Record<string, Media>> = {
  image_upload: 'image',
  animated_image_upload: 'image',
  video_upload: 'video',
  audio_upload: 'audio',
}

/** Class and input of texts that a model is conditioned by. */
export const promptTexts: ReadonlySet<string> = new Set([
  'CLIPTextEncode.text',
  'CLIPTextEncodeSDXL.text_g',
  'CLIPTextEncodeSDXL.text_l',
  'CLIPTextEncodeSDXLRefiner.text',
  'CLIPTextEncodeFlux.clip_l',
  'CLIPTextEncodeFlux.t5xxl',
  'CLIPTextEncodeSD3.clip_l',
  'CLIPTextEncodeSD3.clip_g',
  'CLIPTextEncodeSD3.t5xxl',
  'CLIPTextEncodeHiDream.clip_l',
  'CLIPTextEncodeHiDream.clip_g',
  'CLIPTextEncodeHiDream.t5xxl',
  'CLIPTextEncodeHiDream.llama',
  'CLIPTextEncodeHunyuanDiT.bert',
  'CLIPTextEncodeHunyuanDiT.mt5xl',
  'CLIPTextEncodePixArtAlpha.text',
  'CLIPTextEncodeControlnet.text',
  'CLIPTextEncodeLumina2.user_prompt',
  'CLIPTextEncodeKandinsky5.clip_l',
  'CLIPTextEncodeKandinsky5.qwen25_7b',
  'TextEncodeAceStepAudio.tags',
  'TextEncodeAceStepAudio.lyrics',
  'TextEncodeAceStepAudio1.5.tags',
  'TextEncodeAceStepAudio1.5.lyrics',
])

/** Texts that are called so in any class. */
export const promptNames: ReadonlySet<string> = new Set(['prompt', 'negative_prompt'])

/** Inputs that have one meaning in all samplers and their like. */
const samplingNames = new Set(['steps', 'cfg', 'sampler_name', 'scheduler', 'denoise', 'start_at_step', 'end_at_step'])
const samplingClass =
  /KSampler|^(SamplerCustom|(CFG|DualModel|DualCFG|PerpNeg)Guider|(Basic|Flux2|LTXV|AlignYourSteps|Ideogram4|SDTurbo|GITS|Karras|Exponential)Scheduler)$/

/** Class and input → name, of values that callers may want to set. */
const advancedInputs: Readonly<Record<string, string>> = {
  'FluxGuidance.guidance': 'guidance',
  'CLIPTextEncodeFlux.guidance': 'guidance',
  'ModelSamplingSD3.shift': 'shift',
  'ModelSamplingAuraFlow.shift': 'shift',
  'ModelSamplingFlux.max_shift': 'max_shift',
  'ModelSamplingFlux.base_shift': 'base_shift',
  'CreateVideo.fps': 'fps',
  'LTXVConditioning.frame_rate': 'fps',
  'VHS_VideoCombine.frame_rate': 'fps',
  'LoraLoader.strength_model': 'lora_strength',
  'LoraLoader.strength_clip': 'lora_strength_clip',
  'LoraLoaderModelOnly.strength_model': 'lora_strength',
  'ControlNetApply.strength': 'controlnet_strength',
  'ControlNetApplyAdvanced.strength': 'controlnet_strength',
  'ImageScaleBy.scale_by': 'scale_by',
  'ImageScaleToTotalPixels.megapixels': 'megapixels',
  'ComfySwitchNode.switch': 'switch',
}

/** The name of a value that callers may want to set; undefined for others. */
export function advancedName(classType: string, input: string): string | undefined {
  const place = `${classType}.${input}`
  if (Object.hasOwn(advancedInputs, place)) return advancedInputs[place]
  return samplingClass.test(classType) && samplingNames.has(input) ? input : undefined
}

/** Classes that make an empty latent, or one for a video: their size is the size of the result. */
const latentClasses = [
  'EmptyLatentImage',
  'EmptySD3LatentImage',
  'EmptyFlux2LatentImage',
  'EmptyHunyuanImageLatent',
  'EmptyQwenImageLayeredLatentImage',
  'EmptyChromaRadianceLatentImage',
  'StableCascade_EmptyLatentImage',
  'EmptyHunyuanLatentVideo',
  'EmptyHunyuanVideo15Latent',
  'EmptyLTXVLatentVideo',
  'EmptyMochiLatentVideo',
  'EmptyCosmosLatentVideo',
  'Wan22ImageToVideoLatent',
  'HunyuanImageToVideo',
  'HunyuanVideo15ImageToVideo',
  'LTXVImgToVideo',
  'Kandinsky5ImageToVideo',
  'CosmosImageToVideoLatent',
  'EmptyAceStepLatentAudio',
  'EmptyAceStep1.5LatentAudio',
  'EmptyLatentAudio',
]
const latentSizes = new Set(['width', 'height', 'length', 'batch_size', 'seconds'])

/** Whether an input is the size of what a class begins with. */
export function isLatentSize(classType: string, input: string): boolean {
  return latentSizes.has(input) && (latentClasses.includes(classType) || /^Wan\w*ToVideo$/.test(classType))
}

/** Numbers that are whole in any class, for classes that nothing is known of. */
export const wholeNumbers: ReadonlySet<string> = new Set([
  'width',
  'height',
  'length',
  'batch_size',
  'steps',
  'start_at_step',
  'end_at_step',
  'num_frames',
])

/** Names of sizes in any class, those of paid services included. */
export const sizeNames: ReadonlySet<string> = new Set([
  'width',
  'height',
  'length',
  'aspect_ratio',
  'ratio',
  'resolution',
  'size',
  'megapixels',
  'duration',
  'seconds',
  'num_frames',
  'longer_edge',
  'longer_size',
])

/** Class and input → name, of model files; others are told by their names. */
export const modelInputs: Readonly<Record<string, string>> = {
  'CheckpointLoaderSimple.ckpt_name': 'checkpoint',
  'CheckpointLoader.ckpt_name': 'checkpoint',
  'ImageOnlyCheckpointLoader.ckpt_name': 'checkpoint',
  'unCLIPCheckpointLoader.ckpt_name': 'checkpoint',
  'UNETLoader.unet_name': 'diffusion_model',
  'VAELoader.vae_name': 'vae',
  'LoraLoader.lora_name': 'lora',
  'LoraLoaderModelOnly.lora_name': 'lora',
  'ControlNetLoader.control_net_name': 'controlnet',
  'DiffControlNetLoader.control_net_name': 'controlnet',
  'UpscaleModelLoader.model_name': 'upscale_model',
  'StyleModelLoader.style_model_name': 'style_model',
  'CLIPVisionLoader.clip_name': 'clip_vision',
}

/** Names of files that hold a model. */
export const modelFile = /\.(safetensors|sft|ckpt|pt|pth|bin|gguf|onnx|pkl)$/i

/** Nodes that hold one value for others. */
export const valueHolder = /^(Primitive(Int|Float|String|StringMultiline|Boolean)|CustomCombo)$/

/** Names of inputs that are the business of the gateway or of the host, or that mean nothing to ComfyUI. */
export const neverInputs: ReadonlySet<string> = new Set([
  'filename_prefix',
  'upload',
  'audioUI',
  'refresh',
  'control_after_generate',
  'upload 3d model',
  'upload extra resources',
  'clear',
])

/** What inputs are called that name a file or folder of the host. */
export const hostPath =
  /^(file|filename|file_?path|path|directory|folder|folder_name|(folder|directory|output|video|image|audio)_path|model_file)$/

/** Class → what its id, its value, its title and its description are called: nodes that only mark an input. */
export interface MarkedNode {
  readonly value: string
  readonly id?: string
  readonly label?: string
  readonly description?: string
}

const deployed: MarkedNode = {
  value: 'default_value',
  id: 'input_id',
  label: 'display_name',
  description: 'description',
}

/** Nodes of ComfyUI-Deploy and comfy-pack by which the author says what a parameter is. */
export function markedNode(classType: string): MarkedNode | undefined {
  if (classType.startsWith('CPackInput')) {
    const media = /^CPackInput(Image|File)$/.exec(classType)?.[1]
    return { value: media === 'Image' ? 'image' : media === 'File' ? 'file' : 'value' }
  }
  if (!classType.startsWith('ComfyUIDeployExternal')) return undefined
  return /Image|Video|Audio|File/.test(classType) ? { ...deployed, value: 'input_id' } : deployed
}
