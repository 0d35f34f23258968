import { expect, test } from 'vitest'
import { annotatedName, createFileStore, normalisePath } from './file-store.ts'

test('keeps files by root, knows their folders and counts on after the highest number', () => {
  const files = createFileStore({ maxBytes: 1000 })
  expect(files.nextCounter('output', 'a', 'x')).toBe(1)
  files.put('output', 'a/x_00007_.png', Buffer.from('1'))
  files.put('output', 'a/x_00003_.png', Buffer.from('1'))
  expect(files.nextCounter('output', 'a', 'x')).toBe(8)
  expect(files.nextCounter('output', '', 'x')).toBe(1)
  expect(files.names('output', 'a')).toEqual(['x_00007_.png', 'x_00003_.png'])
  expect(files.exists('output', 'a')).toBe(true)
  expect(files.isFolder('output', 'a/x_00007_.png')).toBe(false)
  expect(files.get('input', 'a/x_00007_.png')).toBeUndefined()
})

test('forgets the oldest made files, never what was uploaded', () => {
  const files = createFileStore({ maxBytes: 10 })
  files.put('input', 'in.png', Buffer.alloc(50))
  files.put('output', 'old.png', Buffer.alloc(6))
  files.put('temp', 'new.png', Buffer.alloc(6))
  expect(files.get('output', 'old.png')).toBeUndefined()
  expect(files.get('temp', 'new.png')?.bytes).toHaveLength(6)
  expect(files.get('input', 'in.png')?.bytes).toHaveLength(50)
})

test('a file that is written again has another tag', () => {
  const files = createFileStore({ maxBytes: 1000 })
  files.put('input', 'a', Buffer.from('1'))
  const before = files.get('input', 'a')?.etag
  files.put('input', 'a', Buffer.from('2'))
  expect(files.get('input', 'a')?.etag).not.toBe(before)
})

test('a path never leads out of its root', () => {
  expect(normalisePath('a//./b/../c.png')).toBe('a/c.png')
  expect(normalisePath('a/..', 'b')).toBe('b')
  expect(normalisePath('')).toBe('')
  expect(normalisePath('a', '../../b')).toBeUndefined()
  expect(normalisePath('a', '/etc/passwd')).toBeUndefined()
})

test('a name may say its root', () => {
  expect(annotatedName('a.png')).toEqual({ root: 'input', path: 'a.png' })
  expect(annotatedName('s/a.png [output]')).toEqual({ root: 'output', path: 's/a.png' })
  expect(annotatedName('a.png [temp]')).toEqual({ root: 'temp', path: 'a.png' })
})
