import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { readContentDigests, requireDigests } from './content-digest.ts'

const sha256 = createHash('sha256').update('hello')
const digest = sha256.copy().digest('base64')
const hex = sha256.digest('hex')
const other = createHash('sha256').update('other')

test.each([
  [`sha-256=:${digest}:`],
  [`  sha-256=:${digest}:  `],
  [`sha-512=:AAAA:, sha-256=:${digest}:`],
  [`sha-256=:${digest}:;note="x", md5=:AAAA:`],
])('%s is read', (header) => {
  expect(readContentDigests({ 'content-digest': header })).toEqual([hex])
  expect(readContentDigests({ 'repr-digest': header })).toEqual([hex])
})

test('without a digest of this kind nothing is expected', () => {
  expect(readContentDigests({})).toEqual([])
  expect(readContentDigests({ 'content-digest': 'sha-512=:AAAA:', 'repr-digest': '' })).toEqual([])
  expect(() => requireDigests([], hex)).not.toThrow()
})

test.each([
  'sha-256=',
  `sha-256=${digest}`,
  `sha-256=:${hex}:`,
  'sha-256=::',
  `sha-256=:${digest}`,
  `sha-256=:${digest.slice(1)}:`,
])('%s is refused', (header) => {
  expect(() => readContentDigests({ 'content-digest': header })).toThrow(
    expect.objectContaining({ code: 'invalid_header' }),
  )
})

test('every digest has to be that of the bytes', () => {
  const digests = readContentDigests({
    'content-digest': `sha-256=:${digest}:`,
    'repr-digest': `sha-256=:${other.digest('base64')}:`,
  })
  expect(digests).toHaveLength(2)
  expect(() => requireDigests(digests, hex)).toThrow(expect.objectContaining({ code: 'digest_mismatch' }))
  expect(() => requireDigests([hex, hex], hex)).not.toThrow()
})
