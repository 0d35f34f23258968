import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printable, wrap } from './wrap.ts'

test('lines keep to the width, words stay whole, and nothing is lost', () => {
  const word = fc.string({ minLength: 1, maxLength: 30 }).filter((text) => /^[\x21-\x7e]+$/.test(text))
  fc.assert(
    fc.property(fc.array(word), fc.integer({ min: 1, max: 80 }), (words, width) => {
      const lines = wrap(words.join('  '), width)
      expect(lines.join(' ').split(' ').filter(Boolean)).toEqual(words)
      for (const line of lines) if (line.includes(' ')) expect(line.length).toBeLessThanOrEqual(width)
    }),
  )
})

test('a text without words has no lines', () => {
  expect(wrap(' \n ', 10)).toEqual([])
})

test('what would steer a terminal is spelled out', () => {
  expect(printable('a\u001b[31mb\u202ec\nd\te')).toBe(String.raw`a\u001b[31mb\u202ec d e`)
  expect(printable('größer → 図')).toBe('größer → 図')
})
