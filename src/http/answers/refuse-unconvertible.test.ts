import { describe, expect, test } from 'vitest'
import { describeConversion } from '../../../test/support/sharp.ts'
import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import { createImageConverter } from '../../outputs/image-converter.ts'
import { answerForms, parseAccept } from '../negotiation/accept.ts'
import { refuseUnconvertible } from './refuse-unconvertible.ts'

const withoutLibrary = createImageConverter({ load: () => Promise.reject(new Error('Cannot find package')) })

/** Asks for a graph of these classes. */
async function ask(accept: string, classTypes: readonly string[], images = withoutLibrary): Promise<void> {
  const prompt = Object.fromEntries(classTypes.map((type, index) => [String(index), { class_type: type, inputs: {} }]))
  await refuseUnconvertible(answerForms(parseAccept(accept)), { prompt }, { nodes: coreNode, images })
}

describe('without a library that converts', () => {
  test.each([
    ['image/webp', ['EmptyImage', 'SaveImage']],
    ['image/webp, image/avif;q=0.5, image/jpeg', ['SaveImage', 'PreviewImage']],
    ['image/png', ['SaveAnimatedWEBP']],
  ])('%s of %j is refused, with what to install', async (accept, classTypes) => {
    await expect(ask(accept, classTypes)).rejects.toMatchObject({
      code: 'not_acceptable',
      detail: expect.stringContaining('npm install sharp'),
    })
  })

  test.each([
    ['image/png', ['SaveImage']],
    ['image/webp, image/png;q=0.1', ['SaveImage']],
    ['image/webp', ['SaveImage', 'SaveAnimatedWEBP']],
    ['image/webp, image/*;q=0.1', ['SaveImage']],
    ['image/webp, application/json;q=0.1', ['SaveImage']],
    ['image/webp, text/event-stream;q=0.1', ['SaveImage']],
    ['image/webp, video/mp4', ['SaveImage']],
    ['image/gif', ['SaveImage']],
    ['image/webp', ['SaveImage', 'NodeOfSomebodyElse']],
    ['image/webp', ['SaveImage', 'SaveImageAdvanced']],
    ['image/webp', ['SaveVideo']],
  ])('%s of %j is not: it may be had, or another problem is told', async (accept, classTypes) => {
    await ask(accept, classTypes)
  })
})

describeConversion('with one', () => {
  test('nothing is refused', async () => {
    await ask('image/webp', ['SaveImage'], createImageConverter())
  })
})
