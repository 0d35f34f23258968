import { expect, test } from 'vitest'
import {
  avifOf,
  exifOf,
  flacOf,
  mp3Of,
  mp4Of,
  oggOf,
  pngOf,
  pngText,
  safetensorsOf,
  webmOf,
  webpOf,
  type NamedText,
} from '../../test/support/make-media.ts'
import { ConversionRefusedError } from './conversion.ts'
import { parseExportFile } from './parse-export-file.ts'

const prompt = { 1: { class_type: 'EmptyImage', inputs: { width: 64 } } }
const workflow = { nodes: [], links: [], title: 'Grün 漢字' }
const promptText: NamedText = ['prompt', JSON.stringify(prompt)]
const workflowText: NamedText = ['workflow', JSON.stringify(workflow)]
const both = [promptText, workflowText]
const inCapitals = both.map(([name, text]): NamedText => [name.toUpperCase(), text])
const inExif = both.map(([name, text]) => `${name}:${text}`)

test.each<[string, Buffer]>([
  ['PNG', pngOf(...both.map(pngText.international))],
  ['animated PNG', pngOf(...both.map(pngText.behindPictures))],
  ['WebP', webpOf(exifOf(inExif, 'MM'))],
  ['AVIF', avifOf(exifOf(inExif, 'II'))],
  ['FLAC', flacOf(both)],
  ['Opus', oggOf(both)],
  ['MP3', mp3Of(both, { version: 4, encoding: 3 })],
  ['WebM', webmOf(inCapitals)],
  ['MP4', mp4Of(both, 'iso')],
  ['latent', safetensorsOf(both)],
])('takes both graphs out of a file: %s', (_format, bytes) => {
  expect(parseExportFile(bytes)).toEqual({ prompt, workflow })
})

test('takes both graphs out of one comment', () => {
  const comment: NamedText = ['comment', JSON.stringify({ prompt, workflow })]
  expect(parseExportFile(mp4Of([comment], 'iso'))).toEqual({ prompt, workflow })
})

test('reads JSON as Python writes it, also with a byte order mark', () => {
  expect(parseExportFile(Buffer.from('\uFEFF{"1": {"value": NaN}}'))).toEqual({ 1: { value: null } })
})

test('hands on the settings of another program, to be named for what they are', () => {
  expect(parseExportFile(pngOf(pngText.plain(['parameters', 'a cat\nSteps: 20'])))).toEqual({
    parameters: 'a cat\nSteps: 20',
  })
})

test.each<[string, Buffer, string]>([
  ['nothing', Buffer.alloc(0), 'The file is empty.'],
  ['text', Buffer.from('<html>'), 'The file is neither JSON nor a picture, video or sound that is known.'],
  ['a picture without texts', pngOf(), 'The PNG file carries no graph.'],
  ['a picture with other texts', pngOf(pngText.plain(['Software', 'x'])), 'The PNG file carries no graph.'],
])('refuses %s', (_what, bytes, message) => {
  expect(() => parseExportFile(bytes)).toThrow(ConversionRefusedError)
  expect(() => parseExportFile(bytes)).toThrow(message)
})
