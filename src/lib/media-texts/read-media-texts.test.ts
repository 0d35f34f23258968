import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  avifOf,
  exifOf,
  flacOf,
  glbOf,
  isoBox,
  jpegOf,
  mp3Of,
  mp4Of,
  oggOf,
  pngOf,
  pngText,
  safetensorsOf,
  webmOf,
  webpOf,
  type NamedText,
} from '../../../test/support/make-media.ts'
import { readMediaTexts } from './read-media-texts.ts'

const prompt: NamedText = ['prompt', '{"1": {"class_type": "EmptyImage"}}']
const workflow: NamedText = ['workflow', `{"nodes": [], "title": "${'x'.repeat(70_000)}"}`]
const wide: NamedText = ['note', 'Grün ÿ 漢字 😀']
const asTexts = (named: readonly NamedText[]) => named.map(([name, text]) => ({ name, text }))
const inExif = (named: readonly NamedText[]) => named.map(([name, text]) => `${name}:${text}`)

const files: readonly [string, string, Buffer, readonly NamedText[]][] = [
  ['plain chunks', 'PNG', pngOf(pngText.plain(prompt), pngText.plain(workflow)), [prompt, workflow]],
  ['compressed chunks', 'PNG', pngOf(pngText.compressed(workflow)), [workflow]],
  ['international chunks', 'PNG', pngOf(pngText.international(wide)), [wide]],
  ['compressed international chunks', 'PNG', pngOf(pngText.internationalCompressed(wide)), [wide]],
  ['chunks behind the pictures', 'PNG', pngOf(pngText.behindPictures(wide)), [wide]],
  ['Exif', 'WebP', webpOf(exifOf(inExif([workflow, prompt]), 'MM')), [workflow, prompt]],
  ['little-endian Exif', 'WebP', webpOf(exifOf(inExif([wide, prompt]), 'II')), [wide, prompt]],
  ['Exif and a comment', 'JPEG', jpegOf(exifOf(inExif([prompt]), 'MM'), 'seen'), [prompt, ['', 'seen']]],
  ['comments', 'FLAC', flacOf([prompt, workflow, wide]), [prompt, workflow, wide]],
  ['comments over several pages', 'Ogg', oggOf([prompt, workflow, wide]), [prompt, workflow, wide]],
  ['ID3 2.4, UTF-8', 'MP3', mp3Of([prompt, workflow, wide], { version: 4, encoding: 3 }), [prompt, workflow, wide]],
  ['ID3 2.3, UTF-16', 'MP3', mp3Of([prompt, wide], { version: 3, encoding: 1 }), [prompt, wide]],
  ['ID3 2.4, UTF-16 big-endian', 'MP3', mp3Of([wide], { version: 4, encoding: 2 }), [wide]],
  ['ID3 2.3, Latin-1', 'MP3', mp3Of([prompt], { version: 3, encoding: 0 }), [prompt]],
  ['hidden ID3 2.3', 'MP3', mp3Of([wide], { version: 3, encoding: 1, isUnsynchronised: true }), [wide]],
  ['hidden ID3 2.4', 'MP3', mp3Of([wide], { version: 4, encoding: 1, isUnsynchronised: true }), [wide]],
  ['tags', 'WebM', webmOf([prompt, workflow, wide]), [prompt, workflow, wide]],
  ['tags of a recording', 'WebM', webmOf([prompt], { hasUnknownSize: true }), [prompt]],
  ['named metadata', 'MP4', mp4Of([workflow, prompt, wide], 'iso'), [workflow, prompt, wide]],
  ['QuickTime metadata', 'MP4', mp4Of([prompt], 'quicktime'), [prompt]],
  ['Exif of an AVIF', 'MP4', avifOf(exifOf(inExif([prompt, workflow]), 'MM')), [prompt, workflow]],
  ['metadata', 'safetensors', safetensorsOf([prompt, wide]), [prompt, wide]],
  [
    'extras',
    'glTF',
    glbOf({ prompt: { 1: {} }, note: 'seen' }),
    [
      ['prompt', '{"1":{}}'],
      ['note', 'seen'],
    ],
  ],
]

test.each(files)('reads %s (%s)', (_what, format, bytes, texts) => {
  expect(readMediaTexts(bytes)).toEqual({ format, texts: asTexts(texts) })
})

test('a short value stands in the Exif entry itself', () => {
  expect(readMediaTexts(webpOf(exifOf(['a:b'], 'II')))?.texts).toEqual([{ name: 'a', text: 'b' }])
})

test('a value without a name has none', () => {
  expect(readMediaTexts(webpOf(exifOf(['just a camera'], 'II')))?.texts).toEqual([{ name: '', text: 'just a camera' }])
})

test('classic items of an MP4 file have the name of their kind', () => {
  const item = isoBox(
    Buffer.from('\xa9cmt', 'latin1'),
    isoBox('data', Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]), Buffer.from('seen')),
  )
  const meta = isoBox('meta', Buffer.alloc(4), isoBox('hdlr', Buffer.alloc(25)), isoBox('ilst', item))
  const bytes = Buffer.concat([isoBox('ftyp', Buffer.from('isom')), isoBox('moov', isoBox('udta', meta))])
  expect(readMediaTexts(bytes)?.texts).toEqual([{ name: '©cmt', text: 'seen' }])
})

test('what is no media file known is told apart', () => {
  expect(readMediaTexts(Buffer.from('{"nodes": []}'))).toBeUndefined()
  expect(readMediaTexts(Buffer.alloc(0))).toBeUndefined()
})

test('a file that is cut off or broken gives what can be read of it', () => {
  const whole = fc.constantFrom(...files.map(([, , bytes]) => bytes))
  fc.assert(
    fc.property(
      whole,
      fc.nat(),
      fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), { maxLength: 6 }),
      (bytes, cut, changes) => {
        const broken = Buffer.from(bytes.subarray(0, cut % (bytes.length + 1)))
        for (const [at, value] of changes) if (at < broken.length) broken.writeUInt8(value, at)
        for (const { name, text } of readMediaTexts(broken)?.texts ?? []) {
          expect(typeof name).toBe('string')
          expect(text.length).toBeLessThanOrEqual(2 * bytes.length + 100_000)
        }
      },
    ),
    { numRuns: 2000 },
  )
})
