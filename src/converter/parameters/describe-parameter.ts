import { inputOptions } from '../../comfyui/wire/object-info.ts'
import { cutAtWord } from '../../lib/cut-at-word.ts'
import { lastPart } from './classify-input.ts'
import type { Candidate } from './find-candidates.ts'
import { isGeneric, roleOfTitle, slugOf } from './role-of-title.ts'

/** What names of the field mean, in words for callers. */
const wellKnown: Readonly<Record<string, string>> = {
  prompt: 'What to make',
  negative_prompt: 'What to keep out of the result',
  width: 'Pixels',
  height: 'Pixels',
  length: 'Frames',
  fps: 'Frames per second',
  duration: 'Seconds',
  seconds: 'Seconds',
  batch_size: 'How many to make at once',
  steps: 'Sampling steps; more take longer',
  cfg: 'How closely the result follows the prompt',
  guidance: 'How closely the result follows the prompt',
  sampler_name: 'Sampling algorithm',
  scheduler: 'How the noise is spread over the steps',
  denoise: 'Below 1 part of what is there before stays',
  shift: 'Higher values spend more steps on composition',
  megapixels: 'Size in millions of pixels',
  checkpoint: 'Checkpoint',
  diffusion_model: 'Diffusion model',
  text_encoder: 'Text encoder',
  vae: 'VAE',
  lora: 'LoRA',
  lora_strength: 'Strength of the LoRA',
  lora_strength_clip: 'Strength of the LoRA on the text encoder',
  controlnet: 'ControlNet',
  controlnet_strength: 'Strength of the ControlNet',
  upscale_model: 'Upscale model',
  style_model: 'Style model',
  clip_vision: 'CLIP vision model',
  tags: 'Style, instruments and mood of the music',
  lyrics: 'Words of the song',
}
const randomSeed = 'The same seed and parameters give the same result. Default: another one each time'
const fixedSeed = 'The same seed and parameters give the same result'
const maxLength = 160

/** One line about a parameter: of its author where there is one, in the words of the field, or of its definition. */
export function describeParameter(
  candidate: Candidate,
  name: string,
  { isRandom, multipleOf }: { isRandom: boolean; multipleOf?: number | undefined },
): string {
  const { kind, node, input, tableName } = candidate
  if (kind === 'seed') return isRandom ? randomSeed : fixedSeed
  const base = name.replace(/_\d+$/, '')
  const own = authorWords(candidate, base)
  if (kind === 'media') return own ?? mediaWords(candidate, name)
  const known = knownWords(base, tableName)
  if (known !== undefined) {
    const words = known === 'Pixels' && multipleOf !== undefined ? `Pixels, a multiple of ${multipleOf}` : known
    return base === tableName || own === undefined ? words : `${words} (${own})`
  }
  if (kind === 'holder' || kind === 'prompt') return own ?? sentence(base.replaceAll('_', ' '))
  const spec = node.specs.get(input)
  const tooltip = spec === undefined ? undefined : inputOptions(spec)['tooltip']
  if (typeof tooltip === 'string' && tooltip.trim() !== '') return shorten(tooltip)
  const last = lastPart(input)
  const isRenamed = slugOf(last) !== base
  const className = node.definition?.display_name ?? node.classType
  return own ?? sentence(isRenamed ? base.replaceAll('_', ' ') : `${last.replaceAll('_', ' ')} of ${className}`)
}

/** `lotus_depth_steps` are steps; what its author calls otherwise is something else. */
function knownWords(base: string, tableName: string | undefined): string | undefined {
  const key = Object.hasOwn(wellKnown, base) ? base : (tableName ?? '')
  const isKnown = Object.hasOwn(wellKnown, key) && (base === key || base.endsWith(`_${key}`))
  return isKnown ? wellKnown[key] : undefined
}

/** `image` and `image_2` say nothing; `start_image` does. */
function mediaWords({ media, tableName }: Candidate, name: string): string {
  const kind = tableName === 'mask' ? 'mask' : (media ?? 'image')
  const [, base, number] = /^(.*?)(?:_(\d+))?$/.exec(name) ?? []
  if (base !== undefined && base !== kind)
    return `The ${base.replaceAll('_', ' ')}${number === undefined ? '' : ` ${number}`}`
  const subject = kind === 'audio' ? 'sound' : kind
  return number === undefined ? `The ${subject} to work with` : `Another ${subject} to work with`
}

/** A label or title that says more than the name made of it. */
function authorWords({ label, node }: Candidate, name: string): string | undefined {
  const text = (label ?? node.title)?.replace(/\s+/g, ' ').trim()
  if (text === undefined || text === '' || text.length > maxLength) return undefined
  const role = roleOfTitle(text, [node.classType])
  const isName =
    role === name || isGeneric(role) || text.toLowerCase() === name.replaceAll('_', ' ') || !/\s/.test(text)
  return isName ? undefined : sentence(text)
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** The first sentences of a text, in one line, without a stop at the end. */
function shorten(text: string): string {
  const plain = text.replace(/\s+/g, ' ').trim()
  const sentences = plain.split(/(?<=[.!?])\s+(?=\p{Lu})/u)
  let short = sentences[0] ?? plain
  for (const next of sentences.slice(1)) {
    if (`${short} ${next}`.length > maxLength) break
    short = `${short} ${next}`
  }
  if (short.length > maxLength) short = `${cutAtWord(short, maxLength)} …`
  return short.replace(/(?<!\.\.)\.$/, '')
}
