import { describe, expect, test } from 'vitest'
import { conversionOfText, imageConversionSchema } from './image-conversion.ts'

describe('a conversion as text', () => {
  test.each([
    ['webp', { format: 'webp' }],
    ['JPEG', { format: 'jpeg' }],
    [' webp ; quality = 80 ', { format: 'webp', quality: 80 }],
    ['webp; quality=80; max_side=1024', { format: 'webp', quality: 80, max_side: 1024 }],
    ['webp;quality=80;lossless=true', { format: 'webp', quality: 80, options: { lossless: true } }],
    ['avif; effort=2; max_side=64', { format: 'avif', max_side: 64, options: { effort: 2 } }],
    [
      '{"format":"avif","quality":40,"options":{"lossless":false}}',
      { format: 'avif', quality: 40, options: { lossless: false } },
    ],
    ['{"format":"webp","options":{"quality":40}}', { format: 'webp', options: { quality: 40 } }],
    ['jpg; chromaSubsampling="4:4:4"', { format: 'jpg', options: { chromaSubsampling: '4:4:4' } }],
    ['{"format":"png","options":{"palette":true}}', { format: 'png', options: { palette: true } }],
  ])('%s is read', (text, conversion) => {
    expect(imageConversionSchema.parse(conversionOfText(text))).toEqual(conversion)
  })

  test.each([
    '',
    'gif',
    'image/webp',
    'webp; quality',
    'webp; quality=0',
    'webp; quality=101',
    'webp; quality=80.5',
    'webp; speed=3',
    'webp quality=80',
    'png; lossless=true',
    'jpeg; progressive=1',
    'webp; __proto__=1',
    'webp; quality=80; quality=90',
    '{"format":"webp"',
    'webp; max_side=0',
    'webp; max_side=65536',
    'webp; max_side=1.5',
    'webp; max-side=100',
    'avif; effort=5',
    '{"format":"webp","options":{"max_side":80}}',
    '{"format":"webp","quality":"80"}',
    '{"format":"webp","quality":101}',
    '{}',
  ])('%j is refused', (text) => {
    expect(imageConversionSchema.safeParse(conversionOfText(text)).success).toBe(false)
  })
  test('with its quality in both places is refused, and says so', () => {
    const both = imageConversionSchema.safeParse({ format: 'webp', quality: 80, options: { quality: 80 } })
    expect(both.error?.issues.map(({ message }) => message)).toEqual([expect.stringMatching(/`quality` twice/)])
  })
})
