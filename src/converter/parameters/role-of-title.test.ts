import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isGeneric, roleOfTitle, slugOf, usualName } from './role-of-title.ts'

describe('roleOfTitle', () => {
  test.each([
    ['Int (Steps)', 'steps'],
    ['Float（CFG）', 'cfg'],
    ['Load Character Image', 'character_image'],
    ['Enable 4steps LoRA?', 'enable_4steps_lora'],
    ['CLIP Text Encode (Positive Prompt)', 'positive_prompt'],
    ['Text String (Lyrics)', 'lyrics'],
    ['Load Image - Garment', 'garment'],
    ['Step 2: Upload the Mask', 'mask'],
    ['Résumé du modèle', 'resume_du_modele'],
    ['3D strength', 'n_3d_strength'],
    ['Steps (more is slower)', 'steps'],
    ["The subject's name", 'subjects_name'],
    ['提示词', ''],
    ['What follows is a sentence about this node', ''],
    ['', ''],
  ])('of %j is %j', (title, role) => {
    expect(roleOfTitle(title)).toBe(role)
  })

  test('takes away the name of the class', () => {
    expect(roleOfTitle('Empty Latent Image (Size)', ['EmptyLatentImage', 'Empty Latent Image'])).toBe('size')
  })

  test('is a name whatever the title is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (title) => {
        expect(roleOfTitle(title)).toMatch(/^([a-z][a-z0-9]*(_[a-z0-9]+)*)?$/)
        expect(slugOf(title)).toMatch(/^([a-z][a-z0-9]*(_[a-z0-9]+)*)?$/)
      }),
    )
  })
})

test.each([
  ['positive', 'prompt'],
  ['noise_seed', 'seed'],
  ['frame_rate', 'fps'],
  ['ckpt_name', 'checkpoint'],
  ['constructor', 'constructor'],
  ['strength', 'strength'],
])('the usual name of %s is %s', (slug, name) => {
  expect(usualName(slug)).toBe(name)
})

test.each(['value', 'image_2', 'string_a', 'number', ''])('%j names nothing', (slug) => {
  expect(isGeneric(slug)).toBe(true)
})

test.each(['start_image', 'style', 'valued'])('%j names something', (slug) => {
  expect(isGeneric(slug)).toBe(false)
})
