import type { Prompt } from '../comfyui/wire/prompt.ts'

/** Inputs by which loader nodes of core and of the common packs name a model file. */
const modelInputs = /^(ckpt|unet|vae|clip|lora|control_net|style_model|model|checkpoint)_name\d*$/

/** The models that a prompt loads, as one string that is equal for prompts which load the same. */
export function modelsOf(prompt: Prompt): string {
  const models = new Set<string>()
  for (const node of Object.values(prompt)) {
    for (const [name, value] of Object.entries(node.inputs)) {
      if (typeof value === 'string' && modelInputs.test(name)) models.add(value)
    }
  }
  return [...models].sort().join('\n')
}
