/** What packs and people call the same thing. */
const synonyms: Readonly<Record<string, string>> = {
  positive: 'prompt',
  positive_prompt: 'prompt',
  prompt_positive: 'prompt',
  text_prompt: 'prompt',
  user_prompt: 'prompt',
  negative: 'negative_prompt',
  neg_prompt: 'negative_prompt',
  prompt_negative: 'negative_prompt',
  noise_seed: 'seed',
  random_seed: 'seed',
  rand_seed: 'seed',
  step: 'steps',
  frame_rate: 'fps',
  ratio: 'aspect_ratio',
  frames: 'length',
  frame_count: 'length',
  num_frames: 'length',
  cfg_scale: 'cfg',
  unet_name: 'diffusion_model',
  ckpt_name: 'checkpoint',
  clip_name: 'text_encoder',
  vae_name: 'vae',
  lora_name: 'lora',
  strength_model: 'lora_strength',
}

/** Words that name nothing. */
const generic =
  /^(value|choice|text|string|string_[a-z]|image|images|model|name|input|output|switch|index|number|file|a|b|int|float|boolean)(_\d+)?$/

/** What stands in brackets, or before them, and only says what kind of node it is. */
const kindWords = new Set([
  'int',
  'float',
  'boolean',
  'text',
  'string',
  'text_string',
  'multiline',
  'text_multiline',
  'string_multiline',
  'switch',
  'if_else_switch',
  'custom_combo',
  'primitive',
  'preview_as_text',
  'concatenate_text',
  'clip_text_encode',
  'clip_text_encode_prompt',
  'load_image',
  'load_video',
  'load_audio',
])
const leadingWords = /^(load|the|set|select|choose|upload|step_\d+)_(?=.)/
const maxWords = 5
const maxLength = 40

/** Lower snake case in ASCII; empty where nothing is left. */
export function slugOf(text: string): string {
  const words = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/(\p{Ll}|\p{N})(?=\p{Lu}\p{Ll})/gu, '$1 ')
    .toLowerCase()
    .replace(/['’]/g, '')
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
  const slug = words.join('_')
  return /^\d/.test(slug) ? `n_${slug}` : slug
}

/** The word of the field for a name: `noise_seed` is `seed`. */
export function usualName(slug: string): string {
  return Object.hasOwn(synonyms, slug) ? (synonyms[slug] ?? slug) : slug
}

export function isGeneric(slug: string): boolean {
  return slug === '' || generic.test(slug)
}

/**
 * What a title or label says its node is for, as a name: `Int (Steps)` is `steps`, `Load Character Image` is
 * `character_image`. `usual` are the names of the class. Empty where it is a sentence, or says nothing.
 */
export function roleOfTitle(title: string, usual: readonly string[] = []): string {
  const ascii = title.replace(/（/g, '(').replace(/）/g, ')').replace(/[：]/g, ':').trim()
  const kinds = new Set([...kindWords, ...usual.map(slugOf)])
  const slug = dropLeading(slugOf(coreOf(ascii, kinds)))
  if (slug.length > maxLength || slug.split('_').length > maxWords) return ''
  return slug
}

function coreOf(title: string, kinds: ReadonlySet<string>): string {
  const bracketed = /^(.*?)\s*\(([^()]*)\)\s*$/.exec(title)
  if (bracketed !== null) {
    const [, before = '', inside = ''] = bracketed
    if (before === '' || kinds.has(slugOf(before))) return inside
    return before
  }
  const dashed = /^(.*?)\s+[-–—:]\s+(.*)$/.exec(title)
  if (dashed !== null) {
    const [, before = '', after = ''] = dashed
    if (kinds.has(slugOf(before))) return after
  }
  return title
}

function dropLeading(slug: string): string {
  const shorter = slug.replace(leadingWords, '')
  return shorter === slug ? slug : dropLeading(shorter)
}
