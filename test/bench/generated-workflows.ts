import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'

/* Workflow modules as people write them: 15 to 25 nodes, 8 to 15 parameters, up to four switches. All are sound. */

/** Writes modules into the folder, forty in each of its folders. They differ in what they can do and in their defaults. */
export async function writeWorkflows(folder: string, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const family = path.join(folder, `family_${String(Math.floor(index / 40))}`)
    await mkdir(family, { recursive: true })
    await writeFile(path.join(family, `draw_${String(index)}.ts`), moduleOf(index))
  }
}

interface Feature {
  readonly parameters: readonly string[]
  readonly nodes: readonly string[]
}

/** Steps that work on the picture, one after the other; `$in` is the node before. */
const finishes: readonly ((name: string) => Feature)[] = [
  (name) => ({
    parameters: [`${name}_factor: z.number().min(0.25).max(8).default(1.5).describe('How much larger')`],
    nodes: [node(name, 'ImageScaleBy', `image: $in, upscale_method: 'lanczos', scale_by: input.${name}_factor`)],
  }),
  (name) => ({
    parameters: [`${name}_strength: z.number().min(0.1).max(5).default(0.5)`],
    nodes: [node(name, 'ImageSharpen', `image: $in, sharpen_radius: 1, sigma: 1, alpha: input.${name}_strength`)],
  }),
  (name) => ({
    parameters: [`${name}_radius: z.int().min(1).max(31).default(2)`],
    nodes: [node(name, 'ImageBlur', `image: $in, blur_radius: input.${name}_radius, sigma: 1`)],
  }),
  (name) => ({ parameters: [], nodes: [node(name, 'ImageInvert', 'image: $in')] }),
  (name) => ({
    parameters: [],
    nodes: [node(name, 'ImageQuantize', "image: $in, colors: 256, dither: 'none'")],
  }),
]

function moduleOf(index: number): string {
  const hasLora = index % 2 === 0
  const hasEnlargement = index % 3 === 0
  const finish = Array.from({ length: 4 + (index % 5) }, (_, place) => {
    const make = place < 4 ? finishes[(index + place) % finishes.length] : finishes.at(-1 - (place % 2))
    return make?.(`finish${String(place)}`) ?? { parameters: [], nodes: [] }
  })
  const model = hasLora ? "input.lora === undefined ? ['model', 0] : ['lora', 0]" : "['model', 0]"
  const clip = hasLora ? "input.lora === undefined ? ['model', 1] : ['lora', 1]" : "['model', 1]"
  const sampled = hasEnlargement ? "[input.enlarge ? 'sampler2' : 'sampler', 0]" : "['sampler', 0]"
  const chained = finish.flatMap(({ nodes }, place) =>
    nodes.map((text) => text.replace('$in', place === 0 ? "['decoded', 0]" : `['finish${String(place - 1)}', 0]`)),
  )
  const parameters = [
    "prompt: z.string().min(1).describe('What to draw')",
    "negative_prompt: z.string().default('')",
    `width: z.int().min(64).max(2048).multipleOf(8).default(${String(512 + 8 * (index % 32))})`,
    'height: z.int().min(64).max(2048).multipleOf(8).default(512)',
    `steps: z.int().min(1).max(100).default(${String(8 + (index % 20))})`,
    'cfg: z.number().min(0).max(30).default(7)',
    "sampler_name: z.enum(['euler', 'dpmpp_2m', 'ddim']).default('euler')",
    'seed: z.int().min(0).default(() => Math.floor(Math.random() * 1e15))',
    ...(hasLora ? ['lora: z.string().min(1).optional()', 'lora_strength: z.number().min(-2).max(2).default(1)'] : []),
    ...(hasEnlargement
      ? ['enlarge: z.boolean().default(false)', 'enlarge_denoise: z.number().min(0).max(1).default(0.4)']
      : []),
    ...finish.flatMap((feature) => feature.parameters),
  ]
  const nodes = [
    node('model', 'CheckpointLoaderSimple', "ckpt_name: 'sd_xl_base_1.0.safetensors'"),
    node('positive', 'CLIPTextEncode', `text: input.prompt, clip: ${clip}`),
    node('negative', 'CLIPTextEncode', `text: input.negative_prompt, clip: ${clip}`),
    node('latent', 'EmptyLatentImage', 'width: input.width, height: input.height, batch_size: 1'),
    node('sampler', 'KSampler', sampling(model, "['latent', 0]", '1')),
    node('decoded', 'VAEDecode', `samples: ${sampled}, vae: ['model', 2]`),
    ...(hasLora
      ? [
          `...(input.lora !== undefined && { ${node(
            'lora',
            'LoraLoader',
            "model: ['model', 0], clip: ['model', 1], lora_name: input.lora, strength_model: input.lora_strength, strength_clip: input.lora_strength",
          )} })`,
        ]
      : []),
    ...(hasEnlargement
      ? [
          `...(input.enlarge && {
      ${node('larger', 'LatentUpscaleBy', "samples: ['sampler', 0], upscale_method: 'nearest-exact', scale_by: 1.5")},
      ${node('sampler2', 'KSampler', sampling(model, "['larger', 0]", 'input.enlarge_denoise'))},
    })`,
        ]
      : []),
    ...chained,
    node(
      'scaled',
      'ImageScaleToTotalPixels',
      `image: ['finish${String(finish.length - 1)}', 0], upscale_method: 'area', megapixels: 0.25, resolution_steps: 1`,
    ),
    node('preview', 'PreviewImage', "images: ['scaled', 0]"),
    node('save', 'SaveImage', `images: ['finish${String(finish.length - 1)}', 0], filename_prefix: 'draw'`),
  ]
  return `import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'

export default defineWorkflow({
  summary: 'Drawing ${String(index)}',
  RequestSchema: z.object({
    ${parameters.join(',\n    ')},
  }),
  generateWorkflow: (input) => ({
    ${nodes.join(',\n    ')},
  }),
  outputs: { image: 'save' },
  metadata: { requiredModels: [{ name: 'sd_xl_base_1.0.safetensors', directory: 'checkpoints' }] },
})
`
}

function node(id: string, classType: string, inputs: string): string {
  return `${id}: { class_type: '${classType}', inputs: { ${inputs} } }`
}

function sampling(model: string, latent: string, denoise: string): string {
  return (
    `model: ${model}, positive: ['positive', 0], negative: ['negative', 0], latent_image: ${latent}, seed: input.seed, ` +
    `steps: input.steps, cfg: input.cfg, sampler_name: input.sampler_name, scheduler: 'normal', denoise: ${denoise}`
  )
}
