import type { CoreNodesVersion } from '../comfyui/wire/core-nodes.ts'
import { promptRules, type PromptRules } from '../comfyui/wire/verdict/prompt-rules.ts'

/** The ComfyUI releases that can be simulated. */
export type SimulatedVersion = '0.33.0' | '0.3.64' | '0.3.40'

/** What differs between the releases, as far as a client can see it. */
export interface VersionProfile {
  version: SimulatedVersion
  /** The release whose node classes it has. */
  nodesOf: CoreNodesVersion
  pythonVersion: string
  torchVersion: string
  operatingSystem: string
  frontendVersion: string
  /** Takes the `prompt_id` of the caller; otherwise it always makes its own. */
  takesPromptId: boolean
  /** Runs only the `partial_execution_targets`; otherwise all outputs. */
  takesTargets: boolean
  /** `/interrupt` looks at the `prompt_id` in its body. */
  interruptsById: boolean
  /** `/features` and the `feature_flags` message, and with it images that say whose they are. */
  hasFeatures: boolean
  /** `progress_state` messages. */
  tellsProgressState: boolean
  /** `/api/jobs` and its cancel routes. */
  hasJobsApi: boolean
  /** A prompt id must be a canonical lowercase UUID; otherwise any value is taken as text. */
  requiresUuid: boolean
  /** How it decides about a prompt. */
  rules: PromptRules
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

const october2025: VersionProfile = {
  version: '0.3.64',
  nodesOf: '0.3.64',
  pythonVersion: '3.12.11 (main)',
  torchVersion: '2.8.0+cpu',
  operatingSystem: 'posix',
  frontendVersion: '1.27.10',
  takesPromptId: true,
  takesTargets: true,
  interruptsById: true,
  hasFeatures: true,
  tellsProgressState: true,
  hasJobsApi: false,
  requiresUuid: false,
  rules: promptRules('0.3.64'),
  guardsExtraData: false,
  previewsPerPrompt: false,
  guardsView: false,
  modernFeatures: false,
  modelFolders: olderFolders,
}

/**
 * 0.33.0 and 0.3.64 follow recordings of running servers. 0.3.40 does not: it is 0.3.64 without what came between, as
 * the history of ComfyUI says (`prompt_id`, `/features`, `feature_flags`, `progress_state` and images with metadata came
 * with 0.3.45, `partial_execution_targets` with 0.3.48, ids for `/interrupt` with 0.3.57). Its node classes, and what it
 * says of itself besides its version, are those of 0.3.64.
 */
const profiles: Readonly<Record<SimulatedVersion, VersionProfile>> = {
  '0.33.0': {
    version: '0.33.0',
    nodesOf: '0.33.0',
    pythonVersion: '3.12.11 (main)',
    torchVersion: '2.9.1+cpu',
    operatingSystem: 'linux',
    frontendVersion: '1.49.6',
    takesPromptId: true,
    takesTargets: true,
    interruptsById: true,
    hasFeatures: true,
    tellsProgressState: true,
    hasJobsApi: true,
    requiresUuid: true,
    rules: promptRules('0.33.0'),
    guardsExtraData: true,
    previewsPerPrompt: true,
    guardsView: true,
    modernFeatures: true,
    modelFolders: newerFolders,
  },
  '0.3.64': october2025,
  '0.3.40': {
    ...october2025,
    version: '0.3.40',
    takesPromptId: false,
    takesTargets: false,
    interruptsById: false,
    hasFeatures: false,
    tellsProgressState: false,
  },
}

export const simulatedVersions: readonly SimulatedVersion[] = ['0.33.0', '0.3.64', '0.3.40']

export function versionProfile(version: SimulatedVersion): VersionProfile {
  return profiles[version]
}
