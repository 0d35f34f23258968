import { expect, test } from 'vitest'
import { isRandomDefault } from './is-random-default.ts'

test.each([
  ['a number', () => Math.floor(Math.random() * 1e15)],
  ['one of four', () => Math.floor(Math.random() * 4)],
  ['an identifier', () => crypto.randomUUID()],
  ['one deep within', () => ({ size: [64, Math.random()] })],
  ['the time', () => Date.now()],
  ['the time in seconds', () => Math.floor(Date.now() / 1000)],
  ['the time as text', () => new Date().toISOString()],
])('%s is another default for each request', (_, read) => {
  expect(isRandomDefault(read)).toBe(true)
})

test.each([5, 0, '', 'euler', '1', null, undefined, true])('%j is always the same', (value) => {
  expect(isRandomDefault(() => value)).toBe(false)
})

test('a new list with the same members is the same', () => {
  expect(isRandomDefault(() => [{ name: 'a' }])).toBe(false)
})
