import { decode as decodeJpeg } from 'jpeg-js'
import { PNG } from 'pngjs'
import { expect, test } from 'vitest'
import { decodeImage } from './decode-image.ts'
import { createPreviews, drawResult, type ResultRequest } from './draw-result.ts'
import { encodeJpeg } from './encode-jpeg.ts'
import { encodePng } from './encode-png.ts'
import { encodeWebp } from './encode-webp.ts'
import { cropPicture, filledPicture, resizePicture, type Picture } from './picture.ts'

const request: ResultRequest = {
  width: 320,
  height: 200,
  text: 'a lighthouse at dawn',
  identity: '1',
  note: 'seed 1',
  label: 'SIMULATED',
}

function colorsBelow({ width, height, data }: Picture, share: number): Set<string> {
  const from = Math.floor(height * share) * width * 3
  const colors = new Set<string>()
  for (let at = from; at < data.length; at += 3) colors.add(data.subarray(at, at + 3).join())
  return colors
}

test('draws the same for the same request, something else for another text, seed or size', () => {
  const first = Buffer.from(drawResult(request).data)
  expect(Buffer.from(drawResult(request).data).equals(first)).toBe(true)
  for (const other of [{ text: 'a cat' }, { identity: '2' }]) {
    expect(Buffer.from(drawResult({ ...request, ...other }).data).equals(first)).toBe(false)
  }
  expect(drawResult({ ...request, width: 64, height: 96 })).toMatchObject({ width: 64, height: 96, channels: 3 })
})

test('writes the label in its own colour and the text in white into every picture', () => {
  for (const size of [64, 320, 1024]) {
    const colors = colorsBelow(drawResult({ ...request, width: size, height: size }), 0.5)
    expect(colors).toContain('255,214,102')
    expect(colors).toContain('245,245,245')
  }
})

test('what is derived from a picture resembles it', () => {
  const base = { picture: filledPicture(64, 64, 0xff0000), share: 0.9 }
  const { data, width } = drawResult({ ...request, base })
  const at = (10 * width + 10) * 3
  expect([data[at], data[at + 1]].map((value) => Math.round((value ?? 0) / 128))).toEqual([2, 0])
})

test('previews get clearer', () => {
  const preview = createPreviews(request)
  const final = preview(1).data
  const distance = (done: number): number =>
    preview(done).data.reduce((sum, value, index) => sum + Math.abs(value - (final[index] ?? 0)), 0)
  expect(preview(0.5)).toMatchObject({ width: 256, height: 160 })
  expect(distance(0.1)).toBeGreaterThan(distance(0.5))
  expect(distance(0.5)).toBeGreaterThan(distance(0.9))
})

test('other decoders read its PNG files, texts included', async () => {
  const picture = drawResult(request)
  const file = await encodePng(picture, [['prompt', '{"1": {}}']])
  const { width, height, data } = PNG.sync.read(file)
  expect([width, height]).toEqual([320, 200])
  expect(Buffer.from(data.filter((_value, index) => index % 4 !== 3)).equals(Buffer.from(picture.data))).toBe(true)
  expect(file.includes('tEXtprompt\0{"1": {}}')).toBe(true)
})

test('reads back its own PNG files with and without alpha', async () => {
  const rgba: Picture = { width: 2, height: 1, channels: 4, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 255) }
  expect(decodeImage(await encodePng(rgba))).toMatchObject({ channels: 4, data: Buffer.from(rgba.data) })
  const rgb: Picture = { width: 1, height: 2, channels: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6) }
  expect(decodeImage(await encodePng(rgb))).toMatchObject({ channels: 3, data: rgb.data })
})

test('writes and reads JPEG files', () => {
  const file = encodeJpeg(filledPicture(20, 10, 0x2040c0), 90)
  expect(decodeJpeg(file)).toMatchObject({ width: 20, height: 10 })
  const { width, height, channels, data } = decodeImage(file)
  expect([width, height, channels]).toEqual([20, 10, 3])
  expect(Math.abs((data[2] ?? 0) - 0xc0)).toBeLessThan(6)
})

test('reads nothing else', () => {
  expect(() => decodeImage(Buffer.from('GIF89a and so on'))).toThrow('only PNG and JPEG')
})

/** These files were compared with their pixels in libwebp. */
test.each<[name: string, picture: Picture, file: string]>([
  [
    'many values',
    { width: 5, height: 4, channels: 3, data: Uint8Array.from({ length: 60 }, (_, i) => i * i * 7 + i) },
    'UklGRrwAAABXRUJQVlA4TLAAAAAvBMAAALkKRETAAwGmAQAAAABkAAACAEAAAAgAAAcAcHcAwB0AwAEAcAAABACAAAAQCAEIAAAAAB4IAAkAAACAAEAAAAgAQAaMwQAAGAAAAwBgAAAMACABAJIAAAQAgAAAEPBAgGkAAAAABAAIAxCAAABwAAB3AAAHAMABAHDAcUAAAAgAAAEASAAAAgBABED2+hWY86UxRl1dTbH+CPTx1Nv0wurKoZ+Hdz/fxHlkAg==',
  ],
  [
    'one value',
    { width: 9, height: 9, channels: 3, data: new Uint8Array(243).fill(40) },
    'UklGRjoAAABXRUJQVlA4TC4AAAAvCAACALkKRERgUAZlUCIOAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  ],
])('writes WebP files that other decoders read: %s', (_name, picture, file) => {
  expect(encodeWebp(picture).toString('base64')).toBe(file)
})

test('stretches and cuts pictures', () => {
  const picture: Picture = { width: 2, height: 1, channels: 3, data: Uint8Array.of(0, 0, 0, 200, 200, 200) }
  const wide = resizePicture(picture, 4, 2, false)
  expect([wide.width, wide.height, wide.data[3], wide.data[6]]).toEqual([4, 2, 0, 200])
  expect(resizePicture(picture, 4, 1, true).data[3]).toBe(50)
  expect(cropPicture(wide, 2, 1, 2, 1).data).toEqual(new Uint8Array(6).fill(200))
})
