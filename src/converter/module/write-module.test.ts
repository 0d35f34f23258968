import fc from 'fast-check'
import * as prettier from 'prettier'
import { describe, expect, test } from 'vitest'
import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { openWorkflow } from '../../workflows/open-workflow.ts'
import { nativeImport } from '../../../test/support/native-import.ts'
import { promptArbitrary } from '../../../test/support/random-prompt.ts'
import { WorkflowFolder } from '../../../test/support/workflow-folder.ts'
import type { ExportHints } from '../parameters/export-hints.ts'
import { chooseParameters } from '../parameters/choose-parameters.ts'
import type { ParameterPlan } from '../parameters/parameter-plan.ts'
import { verifyModule } from '../verify-module.ts'
import { writeModule } from './write-module.ts'

const textToImage: Prompt = {
  '3': {
    class_type: 'KSampler',
    inputs: {
      seed: 156680208700286,
      steps: 20,
      cfg: 8,
      sampler_name: 'euler',
      scheduler: 'normal',
      denoise: 1,
      model: ['4', 0],
      positive: ['6', 0],
      negative: ['7', 0],
      latent_image: ['5', 0],
    },
  },
  '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'v1-5-pruned-emaonly-fp16.safetensors' } },
  '5': { class_type: 'EmptyLatentImage', inputs: { width: 512, height: 512, batch_size: 1 } },
  '6': {
    class_type: 'CLIPTextEncode',
    inputs: { text: 'a glass bottle', clip: ['4', 1] },
    _meta: { title: 'Positive' },
  },
  '7': { class_type: 'CLIPTextEncode', inputs: { text: "it's\nugly", clip: ['4', 1] } },
  '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
  '9': { class_type: 'SaveImage', inputs: { filename_prefix: 'ComfyUI', images: ['8', 0] } },
}
const hints: ExportHints = {
  name: 'text_to_image.json',
  nodes: new Map([['6', { title: 'Positive' }]]),
  models: [
    {
      name: 'v1-5-pruned-emaonly-fp16.safetensors',
      directory: 'checkpoints',
      url: 'https://example.com/v1-5-pruned-emaonly-fp16.safetensors',
    },
  ],
}

function planOf(prompt: Prompt, given: ExportHints = {}, all = false): ParameterPlan {
  return chooseParameters(prompt, { lookUp: coreNode, hints: given, all })
}

async function format(source: string): Promise<string> {
  return prettier.format(source, { parser: 'typescript', ...(await prettier.resolveConfig(import.meta.filename)) })
}

/** What is wrong with a written module once it is loaded as any other. */
async function problemsOf(prompt: Prompt, plan: ParameterPlan): Promise<readonly string[]> {
  using folder = new WorkflowFolder({ 'written.ts': writeModule(plan, prompt) })
  const { workflow, close } = await openWorkflow({ file: folder.at('written.ts') }, { importModule: nativeImport })
  try {
    return [...workflow.warnings, ...(await verifyModule({ module: workflow, plan, prompt }))]
  } finally {
    await close()
  }
}

describe('a written module', () => {
  test('reads as one that a person wrote', () => {
    expect(writeModule(planOf(textToImage, hints), textToImage)).toBe(`import { z } from 'zod'
import { defineWorkflow, model, sampler, scheduler, seed } from 'comfyui-api'

const defaultNegativePrompt = \`it's
ugly\`

export default defineWorkflow({
  summary: 'Text to image',

  RequestSchema: z.object({
    prompt: z.string().default('a glass bottle').describe('What to make'),
    negative_prompt: z.string().default(defaultNegativePrompt).describe('What to keep out of the result'),
    width: z.int().min(16).max(16384).multipleOf(8).default(512).describe('Pixels, a multiple of 8'),
    height: z.int().min(16).max(16384).multipleOf(8).default(512).describe('Pixels, a multiple of 8'),
    batch_size: z.int().min(1).max(4096).default(1).describe('How many to make at once'),
    steps: z.int().min(1).max(10000).default(20).describe('Sampling steps; more take longer'),
    cfg: z.number().min(0).max(100).default(8).describe('How closely the result follows the prompt'),
    sampler_name: sampler().default('euler').describe('Sampling algorithm'),
    scheduler: scheduler().default('normal').describe('How the noise is spread over the steps'),
    denoise: z.number().min(0).max(1).default(1).describe('Below 1 part of what is there before stays'),
    seed: seed().describe('The same seed and parameters give the same result. Default: another one each time'),
    checkpoint: model('checkpoints').default('v1-5-pruned-emaonly-fp16.safetensors').describe('Checkpoint'),
  }),

  generateWorkflow: (input) => ({
    '3': {
      class_type: 'KSampler',
      inputs: {
        seed: input.seed,
        steps: input.steps,
        cfg: input.cfg,
        sampler_name: input.sampler_name,
        scheduler: input.scheduler,
        denoise: input.denoise,
        model: ['4', 0],
        positive: ['6', 0],
        negative: ['7', 0],
        latent_image: ['5', 0],
      },
    },
    '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: input.checkpoint } },
    '5': {
      class_type: 'EmptyLatentImage',
      inputs: { width: input.width, height: input.height, batch_size: input.batch_size },
    },
    '6': { class_type: 'CLIPTextEncode', inputs: { text: input.prompt, clip: ['4', 1] }, _meta: { title: 'Positive' } },
    '7': { class_type: 'CLIPTextEncode', inputs: { text: input.negative_prompt, clip: ['4', 1] } },
    '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
    '9': { class_type: 'SaveImage', inputs: { filename_prefix: 'ComfyUI', images: ['8', 0] } },
  }),

  outputs: { image: '9' },

  metadata: {
    requiredModels: [
      {
        name: 'v1-5-pruned-emaonly-fp16.safetensors',
        directory: 'checkpoints',
        url: 'https://example.com/v1-5-pruned-emaonly-fp16.safetensors',
      },
    ],
  },
})
`)
  })

  test('breaks the lines of long names as the project does', async () => {
    const name = `a_model_${'with_a_long_name_'.repeat(3)}.safetensors`
    const prompt: Prompt = {
      ...textToImage,
      '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: name } },
    }
    const source = writeModule(planOf(prompt), prompt)
    expect(source).toContain(`    checkpoint: model('checkpoints')\n      .default('${name}')\n      .describe(`)
    expect(await format(source)).toBe(source)
  })

  test('rebuilds its prompt, and each parameter changes its own inputs only', async () => {
    expect(await problemsOf(textToImage, planOf(textToImage, hints))).toEqual([])
  })

  test('rebuilds any prompt, whatever its texts and ids are, and is formatted as the project is', async () => {
    await fc.assert(
      fc.asyncProperty(promptArbitrary, fc.boolean(), async (prompt, all) => {
        const plan = planOf(prompt, {}, all)
        const source = writeModule(plan, prompt)
        expect(source).toBe(await format(source))
        expect(await problemsOf(prompt, plan)).toEqual([])
      }),
      { numRuns: 30 },
    )
  })

  test('says each value exactly', async () => {
    const odd: Prompt = {
      '1': {
        class_type: 'Unknown',
        inputs: {
          negative_zero: -0,
          tiny: 5e-324,
          large: 1.7976931348623157e308,
          seed_like: 18446744073709552000,
          third: 0.1 + 0.2,
          nothing: null,
          flag: false,
          list: { __value__: Array.from({ length: 60 }, (_, index) => index * 1000.5) },
          table: { __value__: [[1, 2], [3, 4], []] },
          nested: { 'a-b': { c: [{ d: 1 }, { d: "it's" }] }, e: {} },
          ['__proto__']: 'a name like any other',
          'dotted.name': '`${x}`',
          link_of_a_flag: ['1', true],
        },
        _meta: { title: 'Title "with" \'quotes\'' },
      },
    }
    const plan = planOf(odd)
    expect(plan.parameters).toEqual([])
    const source = writeModule(plan, odd)
    expect(source).toBe(await format(source))
    expect(source).toContain('generateWorkflow: () => ({')
    expect(await problemsOf(odd, plan)).toEqual([])
  })

  test('has what is long above the schema, by a name of its own', async () => {
    const prompt: Prompt = {
      '1': { class_type: 'PrimitiveString', inputs: { value: 'one '.repeat(40) }, _meta: { title: 'Story 1' } },
      '2': { class_type: 'PrimitiveString', inputs: { value: 'a\n  `tick` ${hole} \\n' }, _meta: { title: 'Story1' } },
      '3': { class_type: 'StringConcatenate', inputs: { string_a: ['1', 0], string_b: ['2', 0], delimiter: ', ' } },
      '4': { class_type: 'PreviewAny', inputs: { source: ['3', 0] } },
    }
    const plan = planOf(prompt)
    const source = writeModule(plan, prompt)
    expect(source).toContain(`const defaultStory1 =\n  'one one`)
    expect(source).toContain('const defaultStory12 = `a\n  \\`tick\\` \\${hole} \\\\n`')
    expect(source).toBe(await format(source))
    expect(await problemsOf(prompt, plan)).toEqual([])
  })

  test('takes media of every kind as such', async () => {
    const loaders = { image: 'LoadImage', mask: 'LoadImageMask', audio: 'LoadAudio', file: 'LoadVideo' }
    const prompt: Prompt = Object.fromEntries(
      Object.entries(loaders).flatMap(([name, classType], index) => [
        [`${index}`, { class_type: classType, inputs: { [name === 'mask' ? 'image' : name]: 'folder/a.bin [input]' } }],
        [`${index}:0`, { class_type: 'PreviewAny', inputs: { source: [`${index}`, 0] } }],
      ]),
    )
    const plan = planOf(prompt)
    const source = writeModule(plan, prompt)
    expect(source).toContain("import { defineWorkflow, audio, image, mask, video } from 'comfyui-api'")
    using folder = new WorkflowFolder({ 'written.ts': source })
    const { workflow, close } = await openWorkflow({ file: folder.at('written.ts') }, { importModule: nativeImport })
    await close()
    expect(workflow.mediaFields.map(({ path, kind }) => [path[0], kind])).toEqual(
      expect.arrayContaining(['image', 'mask', 'audio', 'video'].map((kind) => [kind, kind])),
    )
    expect(await problemsOf(prompt, plan)).toEqual([])
  })

  test('writes a choice and its position from one list', async () => {
    const prompt: Prompt = {
      '1': {
        class_type: 'CustomCombo',
        inputs: { choice: 'oil', index: 1, option1: 'ink', option2: 'oil', option3: '' },
        _meta: { title: 'Style' },
      },
      '2': { class_type: 'PreviewAny', inputs: { source: ['1', 0] } },
    }
    const plan = planOf(prompt)
    const source = writeModule(plan, prompt)
    expect(source).toContain("const styleChoices = ['ink', 'oil'] as const")
    expect(source).toContain("style: z.enum(styleChoices).default('oil')")
    expect(source).toContain('choice: input.style,')
    expect(source).toContain('index: styleChoices.indexOf(input.style),')
    expect(await problemsOf(prompt, plan)).toEqual([])
  })

  test('is the same text each time', () => {
    fc.assert(
      fc.property(promptArbitrary, (prompt) => {
        expect(writeModule(planOf(prompt), prompt)).toBe(writeModule(planOf(prompt), prompt))
      }),
      { numRuns: 30 },
    )
  })
})
