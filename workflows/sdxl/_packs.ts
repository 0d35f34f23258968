/*
 * Packs of custom nodes that workflows of this folder use, by their ids in the ComfyUI registry.
 */

export const impactPack = {
  pack: 'comfyui-impact-pack',
  url: 'https://github.com/ltdrdata/ComfyUI-Impact-Pack',
} as const

export const impactSubpack = {
  pack: 'comfyui-impact-subpack',
  url: 'https://github.com/ltdrdata/ComfyUI-Impact-Subpack',
  classTypes: ['UltralyticsDetectorProvider'],
} as const

export const efficiencyNodes = {
  pack: 'efficiency-nodes-comfyui',
  url: 'https://github.com/jags111/efficiency-nodes-comfyui',
  classTypes: ['KSampler (Efficient)'],
} as const
