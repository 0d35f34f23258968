import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import type { CheckProblem } from '../../src/workflows/check/check-problem.ts'
import { checkWorkflow, type WorkflowCheck } from '../../src/workflows/check/module/check-workflow.ts'
import { createWorkflowRegistry } from '../../src/workflows/workflow-registry.ts'
import { nativeImport } from '../support/native-import.ts'
import { nodeDefinitions } from '../support/node-definitions.ts'
import { serverCatalogue } from '../support/server-catalogue.ts'

/* Modules with the mistakes that people made, on a server that has all of their node packs and models. */

const models: Readonly<Record<string, readonly string[]>> = {
  checkpoints: ['huslyorealismxl_v10.safetensors', 'HuslyoRealismXL.safetensors'],
  diffusion_models: [
    'qwen_image_fp8_e4m3fn.safetensors',
    'qwen_image_edit_fp8_e4m3fn.safetensors',
    'flux1-dev.safetensors',
  ],
  loras: ['Qwen-Image-Lightning-4steps-V1.0.safetensors', 'Touch-of-Realism-SDXL-V2.safetensors'],
  sams: ['sam_vit_b_01ec64.pth', 'sam_vit_l_0b3195.pth'],
  text_encoders: ['qwen_2.5_vl_7b_fp8_scaled.safetensors', 'clip_l.safetensors', 't5xxl_fp8_e4m3fn.safetensors'],
  ultralytics: ['bbox/face_yolov8m.pt', 'bbox/PitEyeDetailer-v2-seg.pt', 'bbox/yolov11l-face.pt'],
  upscale_models: ['4x_foolhardy_Remacri.pth', '4x-UltraSharp.pth'],
  vae: ['qwen_image_vae.safetensors', 'ae.safetensors', 'sdxl_vae.safetensors'],
}

const folder = fileURLToPath(new URL('../fixtures/faulty-modules', import.meta.url))
const registry = await createWorkflowRegistry({ folders: [folder], watch: 'off', importModule: nativeImport })
const catalogue = serverCatalogue(nodeDefinitions((directory) => models[directory] ?? []))
afterAll(() => registry.close())

async function check(name: string): Promise<WorkflowCheck> {
  const workflow = registry.get(name)
  if (workflow === undefined) throw new Error(`${name} is not served`)
  return checkWorkflow(workflow, { catalogue })
}

/** Errors and warnings, in short: code, place or parameter, choice, line. */
function summary({ problems }: WorkflowCheck): readonly string[] {
  return problems.filter(({ severity }) => severity !== 'note').map(inShort)
}

function inShort({ severity, code, node, input, parameter, when, line }: CheckProblem): string {
  const place = node === undefined ? parameter : [node, input].filter((part) => part !== undefined).join('.')
  return [severity, code, place, when, line === undefined ? 'no line' : `line ${line}`]
    .filter((part) => part !== undefined)
    .join(' ')
}

test('qwen_base_txt2img: nothing is wrong', async () => {
  const result = await check('qwen/qwen_base_txt2img')
  expect(result.verdict).toBe('accepted')
  expect(summary(result)).toEqual([])
})

test('qwen_img_edit: a scheduler that does not exist, and two parameters that do nothing', async () => {
  const result = await check('qwen/qwen_img_edit')
  expect(result.verdict).toBe('refused')
  expect(summary(result)).toEqual([
    'error value_not_in_list 3.scheduler line 48',
    'warning undeclared_input 75.normalization_level line 66',
    'warning undeclared_input 93.upscale_factor line 86',
    'warning dead_parameter /upscale_factor line 21',
    'warning dead_parameter /normalization_level line 24',
  ])
  expect(result.problems[0]).toMatchObject({ value: 'euler', parameter: '/scheduler', classType: 'KSampler' })
})

test('qwen_lightning_lora_edit: the sampler takes its model from before two nodes', async () => {
  const result = await check('qwen/qwen_lightning_lora_edit')
  expect(result.verdict).toBe('accepted')
  expect(summary(result)).toEqual([
    'warning undeclared_input 75.normalization_level line 61',
    'warning undeclared_input 93.upscale_factor line 88',
    'warning unused_node 66 line 58',
    'warning unused_node 75 line 59',
    'warning dead_parameter /upscale_factor line 21',
    'warning dead_parameter /shift line 22',
    'warning dead_parameter /normalization_level line 23',
    'warning dead_parameter /strength line 24',
  ])
})

test('flux_depth: a guidance that leads nowhere, a cycle with a LoRA, a size without use', async () => {
  const result = await check('flux/flux_depth')
  expect(summary(result)).toEqual([
    'error return_type_mismatch 26.model with lora_name given line 60',
    'error dependency_cycle 27.model with lora_name given line 82',
    'warning literal_for_link 25.conditioning line 56',
    'warning unused_node 25 line 56',
    'warning unused_node 31 with lora_name given line 67',
    'warning dead_parameter /guidance line 11',
    'warning dead_parameter /width line 12',
    'warning dead_parameter /height line 13',
  ])
})

test('sdxl_face_detail_upscaler: what is enlarged gets lost, a link leads to nothing, inputs have other names', async () => {
  const result = await check('sdxl/sdxl_face_detail_upscaler')
  expect(result.verdict).toBe('accepted')
  const grain = ['gray_scale', 'grain_sat', 'grain_power', 'shadows', 'highs', 'scale', 'sharpen', 'src_gamma', 'seed']
  const effects = ['preset', 'effect_level', 'seed']
  const late = 'with film_grain_enabled=true or with digital_effects_enabled=true'
  expect(new Set(summary(result))).toEqual(
    new Set([
      ...grain.map((input) => `error required_input_missing 43.${input} with film_grain_enabled=true line 188`),
      ...effects.map((input) => `error required_input_missing 44.${input} with digital_effects_enabled=true line 176`),
      'error exception_during_inner_validation 25.image with face_enhancement_enabled=false, upscale_enabled=false line 158',
      'warning unused_node 7 with face_enhancement_enabled=false, upscale_enabled=false line 86',
      `warning unused_node 25 ${late} line 155`,
      `warning unused_node 26 ${late} line 153`,
      `warning unused_node 27 ${late} line 154`,
      `warning unused_node 33 ${late} line 144`,
      `warning unused_node 34 ${late} line 145`,
      `warning unused_node 36 ${late} line 146`,
    ]),
  )
  const ignored = result.problems.filter(({ code }) => code === 'undeclared_input')
  expect(ignored.map(({ node, input }) => `${node ?? ''}.${input ?? ''}`)).toEqual([
    '43.intensity',
    '44.style',
    '44.intensity',
  ])
})

test('sdxl_authentic_portraits: a size that is not listed, and inputs with other names', async () => {
  const result = await check('sdxl/sdxl_authentic_portraits')
  expect(result.verdict).toBe('refused')
  expect(summary(result)).toEqual([
    'error required_input_missing 4.Select to add LoRA with face_enhancement_enabled=true line 124',
    'error required_input_missing 4.Select to add Wildcard with face_enhancement_enabled=true line 124',
    'error required_input_missing 11.model_name with hires_enabled=true line 82',
    'error value_not_in_list 17.dimensions line 55',
    'error required_input_missing 17.clip_scale line 52',
    'warning undeclared_input 4.Select_to_add_LoRA with face_enhancement_enabled=true line 135',
    'warning undeclared_input 4.Select_to_add_Wildcard with face_enhancement_enabled=true line 136',
  ])
  const ignored = result.problems.filter(({ code, severity }) => code === 'undeclared_input' && severity === 'note')
  expect(ignored.map(({ node, input }) => `${node ?? ''}.${input ?? ''}`)).toEqual([
    '11.upscale_model',
    '17.clip_width',
    '17.clip_height',
  ])
})
