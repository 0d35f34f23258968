import { createPreviews, drawResult, type ResultRequest } from '../drawing/draw-result.ts'
import { encodeJpeg } from '../drawing/encode-jpeg.ts'
import { pythonText } from '../../comfyui/wire/python-json.ts'
import {
  linkedInput,
  numberInput,
  textInput,
  type NodeImplementation,
  type NodeResult,
  type NodeRun,
} from './node-run.ts'
import type { ConditioningValue, LatentValue } from './node-values.ts'

const previewQuality = 75
/** How much of a picture that is to be edited shows in the result. */
const editShare = 0.6

interface Sampling {
  /** As text: it may be larger than a number holds. */
  seed: string
  steps: number
  cfg: number
  sampler: string
  scheduler: string
  /** 1 makes everything new, 0 leaves the latent as it is. */
  denoise: number
  model: readonly string[]
  positive: ConditioningValue
  negative: ConditioningValue
  latent: LatentValue
}

export const samplerNodes: Readonly<Record<string, NodeImplementation>> = {
  KSampler: (run) =>
    sample(run, { ...commonSampling(run), seed: seedInput(run, 'seed'), denoise: numberInput(run, 'denoise', 1) }),
  KSamplerAdvanced(run) {
    const steps = numberInput(run, 'steps', 1)
    const start = Math.min(steps, numberInput(run, 'start_at_step'))
    const end = Math.min(steps, numberInput(run, 'end_at_step', steps))
    const denoise = textInput(run, 'add_noise') === 'disable' ? 0.5 : 1 - start / steps
    const seed = seedInput(run, 'noise_seed')
    return sample(run, { ...commonSampling(run), seed, denoise, steps: Math.max(0, end - start) })
  },
}

function commonSampling(run: NodeRun): Omit<Sampling, 'seed' | 'denoise'> {
  return {
    steps: numberInput(run, 'steps', 1),
    cfg: numberInput(run, 'cfg', 1),
    sampler: textInput(run, 'sampler_name'),
    scheduler: textInput(run, 'scheduler'),
    model: linkedInput(run, 'model', 'token').parts,
    positive: linkedInput(run, 'positive', 'conditioning'),
    negative: linkedInput(run, 'negative', 'conditioning'),
    latent: linkedInput(run, 'latent_image', 'latent'),
  }
}

function seedInput({ inputs }: NodeRun, name: string): string {
  return pythonText(inputs[name])
}

async function sample(run: NodeRun, sampling: Sampling): Promise<NodeResult> {
  const { latent, steps } = sampling
  const requests = Array.from({ length: latent.batchSize }, (_, index) => resultRequest(run, sampling, index))
  const [shown] = requests
  const preview = run.wantsPreviews && shown !== undefined ? createPreviews(shown) : undefined
  for (let step = 1; step <= steps; step += 1) {
    await run.sleep(run.stepDelayMs)
    if (preview !== undefined) {
      const bytes = encodeJpeg(preview(step / steps), previewQuality)
      await run.progress(step, steps, { type: 'image/jpeg', bytes })
    } else await run.progress(step, steps)
  }
  const result: LatentValue = { ...latent, pictures: requests.map(drawResult) }
  return { outputs: [result] }
}

function resultRequest(run: NodeRun, sampling: Sampling, index: number): ResultRequest {
  const { seed, steps, cfg, sampler, scheduler, denoise, model, positive, negative, latent } = sampling
  const text = positive.texts.filter((part) => part !== '').join(', ')
  const settings = [...positive.settings, ...negative.settings]
  const identity = [
    seed,
    index,
    steps,
    cfg,
    sampler,
    scheduler,
    denoise,
    ...model,
    text,
    ...negative.texts,
    ...settings,
  ]
  const [reference] = positive.pictures
  const encoded = latent.pictures[index] ?? latent.pictures[0]
  const base =
    denoise < 1 && encoded !== undefined
      ? { picture: encoded, share: 1 - denoise }
      : reference && { picture: reference, share: editShare }
  return {
    width: latent.width,
    height: latent.height,
    text,
    identity: JSON.stringify(identity),
    note: `seed ${seed}, ${steps} steps, cfg ${cfg}, ${sampler}/${scheduler}, ${latent.width}x${latent.height}`,
    label: run.label,
    ...(base && { base }),
  }
}
