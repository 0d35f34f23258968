import { describe, expect, test } from 'vitest'
import { describeModuleError, withoutPaths } from './describe-module-error.ts'

const folders = ['/srv/my workflows', '/opt/shipped']

test.each([
  [
    `Cannot find package 'x' imported from /srv/my workflows/qwen/a.ts`,
    `Cannot find package 'x' imported from qwen/a.ts`,
  ],
  ['failed in file:///srv/my%20workflows/a.ts?comfyui-api=1a2b3c4d.2:3:4', 'failed in a.ts:3:4'],
  [
    `ENOENT: no such file or directory, open '/home/author/secret/key.txt'`,
    `ENOENT: no such file or directory, open '…/key.txt'`,
  ],
  [`Cannot find module '/opt/shipped/_shared/x.ts'`, `Cannot find module '_shared/x.ts'`],
  ['see https://example.com/a/b and width/height 4/5', 'see https://example.com/a/b and width/height 4/5'],
  ['bad folder /opt/shipped', 'bad folder .'],
])('%s → %s', (text, expected) => {
  expect(withoutPaths(text, folders)).toBe(expected)
})

describe('an error', () => {
  const path = '/opt/shipped/a.ts'

  test('has the place when it is in the module, and tells another file in words', () => {
    expect(describeModuleError(new TypeError('bad'), { file: path, line: 3, column: 5 }, path, folders)).toEqual({
      line: 3,
      column: 5,
      reason: 'TypeError: bad',
    })
    const elsewhere = { file: '/opt/shipped/_shared/b.ts', line: 7, column: 1 }
    expect(describeModuleError(new Error('bad'), elsewhere, path, folders)).toEqual({
      line: undefined,
      column: undefined,
      reason: 'bad (in _shared/b.ts line 7)',
    })
  })

  test.each([
    [new Error(''), 'it threw an error without a message'],
    ['text', 'it threw text'],
    [undefined, 'it threw undefined'],
    [null, 'it threw null'],
    [{ code: 7 }, 'it threw { code: 7 }, which is no Error'],
    [{ message: 'no such style' }, 'it threw no such style'],
  ])('%j has words', (error, reason) => {
    expect(describeModuleError(error, undefined, path, folders).reason).toBe(reason)
  })
})
