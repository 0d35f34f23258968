import { describe, expect, test } from 'vitest'
import { answerForms, covers, isOfForm, parseAccept, qualityFor } from './accept.ts'

/** The forms as short texts. */
function formsOf(header: string | undefined): string[] {
  return answerForms(parseAccept(header)).map((form) =>
    form.kind === 'output' ? `${form.range.type}/${form.range.subtype}` : form.kind,
  )
}

describe('Accept', () => {
  test.each<[string | undefined, string[]]>([
    [undefined, ['json']],
    ['', ['json']],
    ['*/*', ['json']],
    ['application/json', ['json']],
    ['APPLICATION/JSON; charset=utf-8', ['json']],
    ['application/problem+json', ['json']],
    ['image/png', ['image/png']],
    ['image/png, application/json', ['image/png', 'json']],
    ['application/json, image/png;q=0.9', ['json', 'image/png']],
    ['*/*;q=0.1, image/*, image/webp', ['image/webp', 'image/*', 'json']],
    ['text/event-stream', ['events']],
    ['text/event-stream;q=0.5, image/png', ['image/png', 'events']],
    [
      'text/plain, model/gltf-binary, application/octet-stream',
      ['text/plain', 'model/gltf-binary', 'application/octet-stream'],
    ],
    ['text/html, application/pdf', []],
    ['text/html, */*;q=0.8', ['json']],
    ['image/png;q=0', []],
    ['*/*, application/json;q=0', []],
    ['nonsense', ['json']],
    ['image/png;q=2', ['image/png']],
    ['image/png;q=abc', ['image/png']],
  ])('%j asks for %j', (header, forms) => {
    expect(formsOf(header)).toEqual(forms)
  })

  test('a range covers its types, whatever their case and parameters', () => {
    const [range] = parseAccept('image/*')
    expect(range && covers(range, 'Image/PNG; charset=x')).toBe(true)
    expect(range && covers(range, 'video/mp4')).toBe(false)
  })

  test('a narrower range takes its types out of a wider one', () => {
    const [form] = answerForms(parseAccept('image/*, image/png;q=0'))
    if (form?.kind !== 'output') throw new Error('an output is asked for')
    expect(isOfForm(form, 'image/webp')).toBe(true)
    expect(isOfForm(form, 'image/png')).toBe(false)
    expect(isOfForm(form, 'video/mp4')).toBe(false)
  })

  test.each([
    ['image/*;q=0.5, image/png;q=0.1, */*', 'image/png', 0.1],
    ['image/*;q=0.5, image/png;q=0.1, */*', 'image/webp', 0.5],
    ['image/*;q=0.5, image/png;q=0.1, */*;q=0.2', 'video/mp4', 0.2],
    ['image/webp', 'image/png', 0],
    ['image/png;q=0, */*', 'image/png', 0],
    ['', 'image/png', 1],
  ])('%j gives to %s the quality %d', (header, contentType, quality) => {
    expect(qualityFor(parseAccept(header), contentType)).toBe(quality)
  })
})
