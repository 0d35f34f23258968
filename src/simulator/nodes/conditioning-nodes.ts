import type { Picture } from '../drawing/picture.ts'
import {
  linkedInput,
  numberInput,
  optionalInput,
  textInput,
  type NodeImplementation,
  type NodeResult,
  type NodeRun,
} from './node-run.ts'
import type { ConditioningValue, LatentValue } from './node-values.ts'

/** Texts and pictures that steer a sampler. */
export const conditioningNodes: Readonly<Record<string, NodeImplementation>> = {
  CLIPTextEncode: (run) => conditioned(textInput(run, 'text')),
  CLIPTextEncodeFlux: (run) =>
    one({ ...conditioning([textInput(run, 't5xxl') || textInput(run, 'clip_l')]), settings: [guidance(run)] }),
  CLIPTextEncodeSDXL: (run) => conditioned(textInput(run, 'text_g') || textInput(run, 'text_l')),
  TextEncodeQwenImageEdit: (run) => one(conditioning([textInput(run, 'prompt')], picturesOf(run, ['image']))),
  TextEncodeQwenImageEditPlus: (run) =>
    one(conditioning([textInput(run, 'prompt')], picturesOf(run, ['image1', 'image2', 'image3']))),
  FluxGuidance(run) {
    const base = linkedInput(run, 'conditioning', 'conditioning')
    return one({ ...base, settings: [...base.settings, guidance(run)] })
  },
  ConditioningZeroOut(run) {
    linkedInput(run, 'conditioning', 'conditioning')
    return one(conditioning([]))
  },
  ConditioningCombine: (run) => joined(run, 'conditioning_1', 'conditioning_2'),
  ConditioningConcat: (run) => joined(run, 'conditioning_to', 'conditioning_from'),
  ReferenceLatent(run) {
    const base = linkedInput(run, 'conditioning', 'conditioning')
    const latent = optionalInput(run, 'latent', 'latent')
    return one({ ...base, pictures: [...base.pictures, ...(latent?.pictures ?? [])] })
  },
  InstructPixToPixConditioning(run) {
    const { pictures } = linkedInput(run, 'pixels', 'image')
    const withPixels = (name: string): ConditioningValue => {
      const base = linkedInput(run, name, 'conditioning')
      return { ...base, pictures: [...base.pictures, ...pictures] }
    }
    const [first] = pictures
    const latent: LatentValue = {
      kind: 'latent',
      width: wholeCells(first?.width ?? 8),
      height: wholeCells(first?.height ?? 8),
      batchSize: Math.max(1, pictures.length),
      pictures: [],
    }
    return { outputs: [withPixels('positive'), withPixels('negative'), latent] }
  },
}

function conditioning(texts: string[], pictures: Picture[] = []): ConditioningValue {
  return { kind: 'conditioning', texts, pictures, settings: [] }
}

function one(value: ConditioningValue): NodeResult {
  return { outputs: [value] }
}

function conditioned(text: string): NodeResult {
  return one(conditioning([text]))
}

function joined(run: NodeRun, first: string, second: string): NodeResult {
  const [a, b] = [linkedInput(run, first, 'conditioning'), linkedInput(run, second, 'conditioning')]
  return one({
    kind: 'conditioning',
    texts: [...a.texts, ...b.texts],
    pictures: [...a.pictures, ...b.pictures],
    settings: [...a.settings, ...b.settings],
  })
}

function guidance(run: NodeRun): string {
  return `guidance ${numberInput(run, 'guidance')}`
}

function picturesOf(run: NodeRun, names: readonly string[]): Picture[] {
  return names.flatMap((name) => optionalInput(run, name, 'image')?.pictures ?? [])
}

/** Latents have cells of 8 by 8 pixels. */
function wholeCells(side: number): number {
  return Math.max(8, Math.floor(side / 8) * 8)
}
