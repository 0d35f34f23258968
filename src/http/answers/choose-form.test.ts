import { describe, expect, test } from 'vitest'
import { answerForms, parseAccept } from '../negotiation/accept.ts'
import { chooseForm, formatInstead, rankForms } from './choose-form.ts'

/** As `json`, the type of the output, or what it is converted from and to. */
function rank(accept: string, ...contentTypes: string[]): string[] {
  const outputs = contentTypes.map((contentType) => ({ contentType }))
  return rankForms(answerForms(parseAccept(accept)), outputs).map((chosen) => {
    if (chosen.kind === 'json') return 'json'
    const { contentType } = chosen.output
    return chosen.kind === 'output' ? contentType : `${contentType} as ${chosen.format}`
  })
}

describe('the forms for', () => {
  test.each<[string, string[], string[]]>([
    ['*/*', ['image/png'], ['json']],
    ['image/png', ['image/png'], ['image/png']],
    ['image/*', ['image/png', 'image/webp'], ['image/png']],
    ['image/webp', ['image/png', 'image/webp'], ['image/webp']],
    ['image/webp', ['image/png'], ['image/png as webp']],
    ['image/jpeg', ['text/plain; charset=utf-8', 'video/mp4', 'image/webp'], ['image/webp as jpeg']],
    ['image/avif', ['image/gif'], ['image/gif as avif']],
    ['image/png', ['image/jpeg'], ['image/jpeg as png']],
    // Native before converted, for the same quality.
    ['image/webp, image/png', ['image/png'], ['image/png', 'image/png as webp']],
    ['image/avif, image/webp, image/*', ['image/png'], ['image/png', 'image/png as avif', 'image/png as webp']],
    // Else what comes first, or has the higher quality.
    ['image/avif, image/webp', ['image/png'], ['image/png as avif', 'image/png as webp']],
    ['image/webp, image/avif', ['image/png'], ['image/png as webp', 'image/png as avif']],
    ['image/webp;q=0.9, image/avif', ['image/png'], ['image/png as avif', 'image/png as webp']],
    ['image/png;q=0.5, image/webp', ['image/png'], ['image/png as webp', 'image/png']],
    ['image/*;q=0.5, image/webp', ['image/png'], ['image/png as webp', 'image/png']],
    ['image/*, image/png;q=0.1, image/webp;q=0.5', ['image/png'], ['image/png as webp', 'image/png']],
    ['image/webp, application/json', ['image/png'], ['image/png as webp', 'json']],
    ['application/json, image/webp', ['image/png'], ['json', 'image/png as webp']],
    ['image/webp, */*;q=0.1', ['image/png'], ['image/png as webp', 'json']],
    // What nothing can make, and what is not to be made.
    ['image/gif', ['image/png'], []],
    ['image/*', ['video/mp4'], []],
    ['image/*, image/png;q=0', ['image/png'], []],
    ['image/webp', ['image/svg+xml', 'image/x-exr', 'video/mp4'], []],
    ['image/webp;q=0, image/png', ['image/jpeg'], ['image/jpeg as png']],
    ['image/webp', [], []],
    ['video/*', ['image/png'], []],
    ['text/event-stream', ['image/png'], []],
  ])('%s of %j are %j', (accept, contentTypes, forms) => {
    expect(rank(accept, ...contentTypes)).toEqual(forms)
  })
})

test('the best is the first of them', () => {
  const outputs = [{ contentType: 'image/png' }]
  const choose = (accept: string) => chooseForm(answerForms(parseAccept(accept)), outputs)
  expect(choose('image/webp, image/png')).toEqual({ kind: 'output', output: outputs[0] })
  expect(choose('image/webp')).toEqual({ kind: 'converted', output: outputs[0], format: 'webp' })
  expect(choose('video/*')).toBeUndefined()
})

describe('in place of an image as it is stored', () => {
  const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8'

  test.each([
    [undefined, 'image/png', undefined],
    ['*/*', 'image/png', undefined],
    ['image/*', 'image/png', undefined],
    ['image/png', 'image/png', undefined],
    ['image/webp', 'image/png', 'webp'],
    ['image/jpeg', 'image/webp', 'jpeg'],
    ['image/webp;q=0.5, image/avif', 'image/png', 'avif'],
    ['image/webp, image/avif', 'image/png', 'webp'],
    ['image/png;q=0, image/webp;q=0, image/jpeg', 'image/png', 'jpeg'],
    // Whoever can do with it gets it.
    ['image/webp, image/png;q=0.1', 'image/png', undefined],
    ['image/webp, */*;q=0.1', 'image/png', undefined],
    [browser, 'image/png', undefined],
    ['image/gif', 'image/png', undefined],
    ['application/json', 'image/png', undefined],
    ['image/webp', 'video/mp4', undefined],
    ['image/webp', 'application/octet-stream', undefined],
  ])('Accept: %s of %s has %s', (accept, contentType, format) => {
    expect(formatInstead(accept, contentType)).toBe(format)
  })
})
