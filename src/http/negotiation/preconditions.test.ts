import { expect, test } from 'vitest'
import { decidePreconditions, httpDate, isSameRange } from './preconditions.ts'

const now = { etag: '"a"', modifiedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678) }
const [before, then, after] = [-60_000, 0, 60_000].map((ms) => httpDate(now.modifiedAtMs + ms))

test.each([
  [{}, 'go on'],
  [{ 'if-match': '"a"' }, 'go on'],
  [{ 'if-match': '"b", "a"' }, 'go on'],
  [{ 'if-match': '*' }, 'go on'],
  [{ 'if-match': '"b"' }, 'failed'],
  [{ 'if-match': 'W/"a"' }, 'failed'],
  [{ 'if-match': '' }, 'failed'],
  [{ 'if-unmodified-since': then }, 'go on'],
  [{ 'if-unmodified-since': before }, 'failed'],
  [{ 'if-unmodified-since': 'yesterday' }, 'go on'],
  [{ 'if-match': '"a"', 'if-unmodified-since': before }, 'go on'],
  [{ 'if-match': '"b"', 'if-none-match': '"a"' }, 'failed'],
  [{ 'if-match': '"a"', 'if-none-match': '"a"' }, 'unchanged'],
  [{ 'if-none-match': 'W/"a"' }, 'unchanged'],
  [{ 'if-none-match': '*' }, 'unchanged'],
  [{ 'if-none-match': '"b"' }, 'go on'],
  [{ 'if-none-match': '"b"', 'if-modified-since': after }, 'go on'],
  [{ 'if-modified-since': then }, 'unchanged'],
  [{ 'if-modified-since': after }, 'unchanged'],
  [{ 'if-modified-since': before }, 'go on'],
  [{ 'if-modified-since': '2026-01-02T03:04:05Z' }, 'go on'],
  [{ 'if-modified-since': 'Fri, 99 Xyz 2026 99:99:99 GMT' }, 'go on'],
])('%j comes to %s', (headers, outcome) => {
  expect(decidePreconditions(headers, now)).toBe(outcome)
})

test('dates mean nothing where nobody knows when it was made', () => {
  const unknown = { etag: '"a"' }
  expect(decidePreconditions({ 'if-modified-since': after }, unknown)).toBe('go on')
  expect(decidePreconditions({ 'if-unmodified-since': before }, unknown)).toBe('go on')
  expect(isSameRange(then ?? '', unknown)).toBe(false)
})

test.each([
  ['"a"', true],
  [' "a" ', true],
  ['W/"a"', false],
  ['"b"', false],
  [then ?? '', true],
  [after ?? '', false],
  [before ?? '', false],
])('a range counts if it is of %s: %s', (condition, counts) => {
  expect(isSameRange(condition, now)).toBe(counts)
})
