import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nearestName, nearestNames } from './nearest-name.ts'

const parameters = [
  'prompt',
  'negative_prompt',
  'width',
  'height',
  'steps',
  'cfg',
  'noise_seed',
  'sampler_name',
  'scheduler',
  'denoise',
  'image',
  'mask',
]

describe('nearestName', () => {
  test.each([
    ['negativePrompt', 'negative_prompt'],
    ['negative-prompt', 'negative_prompt'],
    ['NEGATIVE PROMPT', 'negative_prompt'],
    ['Prompt', 'prompt'],
    ['promt', 'prompt'],
    ['widht', 'width'],
    ['hieght', 'height'],
    ['cgf', 'cfg'],
    ['step', 'steps'],
    ['seed', 'noise_seed'],
    ['negative', 'negative_prompt'],
    ['image_url', 'image'],
    ['sampler', 'sampler_name'],
    ['shceduler', 'scheduler'],
    ['denoice', 'denoise'],
  ])('takes %j for %j', (name, expected) => {
    expect(nearestName(name, parameters)).toBe(expected)
  })

  test.each(['', '_', 'x', 'ab', 'lora', 'checkpoint', 'guidance', 'batch_size', '🙂', '__proto__'])(
    'has nothing near %j',
    (name) => {
      expect(nearestName(name, parameters)).toBeUndefined()
    },
  )

  test('compares the paths of workflows', () => {
    const workflows = ['qwen/qwen_base_txt2img', 'qwen/qwen_base_img2img', 'sdxl/txt2img']
    expect(nearestName('qwen/qwen-base-txt2img', workflows)).toBe('qwen/qwen_base_txt2img')
    expect(nearestName('sdxl/text2img', workflows)).toBe('sdxl/txt2img')
    expect(nearestName('qwen/txt2img', workflows)).toBe('qwen/qwen_base_txt2img')
    expect(nearestName('flux/dev', workflows)).toBeUndefined()
  })

  test('prefers other separators to typing mistakes, and the first among equals', () => {
    expect(nearestName('ab_c', ['abd', 'abc'])).toBe('abc')
    expect(nearestName('mas', ['mask', 'mast'])).toBe('mask')
  })

  test('finds a name whatever its case and separators', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/)
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('_', '-', ' ', '.'),
        (words, separator) => {
          const known = words.join('_')
          expect(nearestName(words.join(separator).toUpperCase(), [known])).toBe(known)
        },
      ),
    )
  })

  test('answers with a known name or nothing, whatever it is asked', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.string({ unit: 'binary' })), (name, known) => {
        const nearest = nearestName(name, known)
        expect(nearest === undefined || known.includes(nearest)).toBe(true)
      }),
    )
  })

  test('does not compare names of absurd length', () => {
    expect(nearestName('a'.repeat(100_000), ['a'.repeat(100_000)])).toBeUndefined()
  })
})

test('several that may have been meant come with the likeliest first', () => {
  const known = ['heun', 'euler_ancestral', 'euler', 'dpmpp_2m']
  expect(nearestNames('eulr', known, 3)).toEqual(['euler'])
  expect(nearestNames('Euler', known, 3)).toEqual(['euler', 'euler_ancestral'])
  expect(nearestNames('Euler', known, 1)).toEqual(['euler'])
  expect(nearestNames('zzz', known, 3)).toEqual([])
})
