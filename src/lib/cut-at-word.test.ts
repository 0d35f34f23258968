import { expect, test } from 'vitest'
import { cutAtWord } from './cut-at-word.ts'

test.each([
  ['a short text', 20, 'a short text'],
  ['a short text', 9, 'a short'],
  ['a short text', 7, 'a short'],
  ['無空白的文字很長', 4, '無空白的'],
  ['ab😀cd', 3, 'ab'],
  [' blank', 3, ' bl'],
])('%j in %i characters is %j', (text, length, cut) => {
  expect(cutAtWord(text, length)).toBe(cut)
})
