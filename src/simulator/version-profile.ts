/** The ComfyUI releases that can be simulated. */
export type SimulatedVersion = '0.33.0' | '0.3.64'

/** What differs between the releases, as far as a client can see it. */
export interface VersionProfile {
  version: SimulatedVersion
  pythonVersion: string
  torchVersion: string
  operatingSystem: string
  frontendVersion: string
  /** `/api/jobs` and its cancel routes. */
  hasJobsApi: boolean
  /** A prompt id must be a canonical lowercase UUID; otherwise any value is taken as text. */
  requiresUuid: boolean
  /** `missing_node_type` instead of `invalid_prompt` for an unknown class. */
  namesMissingNode: boolean
  /** Values of `COMBO` inputs are compared with their options. */
  checksComboOptions: boolean
  /** Cycles are reported on their nodes; otherwise the output just fails. */
  reportsCycles: boolean
  /** Autogrow and dynamic combo inputs are expanded. */
  expandsDynamicInputs: boolean
  /** `*` and match types go with every type. */
  matchesAnyType: boolean
  /** `extra_data` must be an object, and gets a `create_time`. */
  guardsExtraData: boolean
  /** `extra_data.preview_method` chooses the previews of a job. */
  previewsPerPrompt: boolean
  /** `/view` never hands a browser anything that it would run. */
  guardsView: boolean
  /** More flags than previews and upload size. */
  modernFeatures: boolean
  modelFolders: readonly string[]
}

const olderFolders = [
  'checkpoints',
  'configs',
  'loras',
  'vae',
  'text_encoders',
  'diffusion_models',
  'clip_vision',
  'style_models',
  'embeddings',
  'diffusers',
  'vae_approx',
  'controlnet',
  'gligen',
  'upscale_models',
  'custom_nodes',
  'hypernetworks',
  'photomaker',
  'classifiers',
  'model_patches',
  'audio_encoders',
]

const newerFolders = [
  ...olderFolders,
  'latent_upscale_models',
  'datasets',
  'background_removal',
  'frame_interpolation',
  'geometry_estimation',
  'optical_flow',
  'detection',
]

const profiles: Readonly<Record<SimulatedVersion, VersionProfile>> = {
  '0.33.0': {
    version: '0.33.0',
    pythonVersion: '3.12.11 (main)',
    torchVersion: '2.9.1+cpu',
    operatingSystem: 'linux',
    frontendVersion: '1.49.6',
    hasJobsApi: true,
    requiresUuid: true,
    namesMissingNode: true,
    checksComboOptions: true,
    reportsCycles: true,
    expandsDynamicInputs: true,
    matchesAnyType: true,
    guardsExtraData: true,
    previewsPerPrompt: true,
    guardsView: true,
    modernFeatures: true,
    modelFolders: newerFolders,
  },
  '0.3.64': {
    version: '0.3.64',
    pythonVersion: '3.12.11 (main)',
    torchVersion: '2.8.0+cpu',
    operatingSystem: 'posix',
    frontendVersion: '1.27.10',
    hasJobsApi: false,
    requiresUuid: false,
    namesMissingNode: false,
    checksComboOptions: false,
    reportsCycles: false,
    expandsDynamicInputs: false,
    matchesAnyType: false,
    guardsExtraData: false,
    previewsPerPrompt: false,
    guardsView: false,
    modernFeatures: false,
    modelFolders: olderFolders,
  },
}

export function versionProfile(version: SimulatedVersion): VersionProfile {
  return profiles[version]
}
