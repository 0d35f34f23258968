import { expect, test } from 'vitest'
import { makeGif, makePng } from '../../../test/support/make-image.ts'
import { flacOf, glbOf, mp4Of } from '../../../test/support/make-media.ts'
import { readerOfBytes } from './byte-reader.ts'
import { isTakenAs, kindOfMedia } from './media-kinds.ts'
import { type InputKind, sniffMedia } from './sniff-media.ts'

const media: readonly [name: string, bytes: Buffer, kind: InputKind][] = [
  ['a picture', makePng(), 'image'],
  ['a moving picture', makeGif(4, 3), 'image'],
  ['a video', mp4Of([], 'iso'), 'video'],
  ['a sound', flacOf([]), 'audio'],
  ['a model', glbOf({}), '3d'],
]

test.each(media)('%s is told, and is taken wherever its bytes would be', async (_name, bytes, kind) => {
  const { contentType } = await sniffMedia(readerOfBytes(bytes), '', 'any')
  expect(kindOfMedia(contentType)).toBe(kind)
  for (const wanted of ['image', 'video', 'audio', '3d'] as const) {
    const isTaken = await sniffMedia(readerOfBytes(bytes), '', wanted).then(
      () => true,
      () => false,
    )
    expect([wanted, isTakenAs(contentType, wanted)]).toEqual([wanted, isTaken])
  }
})
