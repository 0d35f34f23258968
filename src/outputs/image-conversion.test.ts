import { describe, expect, test } from 'vitest'
import { conversionOfText, imageConversionSchema } from './image-conversion.ts'

describe('a conversion as text', () => {
  test.each([
    ['webp', { format: 'webp' }],
    ['JPEG', { format: 'jpeg' }],
    [' webp ; quality = 80 ', { format: 'webp', options: { quality: 80 } }],
    ['webp;quality=80;lossless=true', { format: 'webp', options: { quality: 80, lossless: true } }],
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
    '{"format":"webp","quality":80}',
    '{}',
  ])('%j is refused', (text) => {
    expect(imageConversionSchema.safeParse(conversionOfText(text)).success).toBe(false)
  })
})
