import * as fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { createPromptQueue, type QueueItem } from './prompt-queue.ts'

function item(number: number, promptId = `id ${number}`, extraData: Record<string, unknown> = {}): QueueItem {
  return { number, promptId, prompt: {}, extraData, outputs: [] }
}

test('shows pending items in the order of the heap', () => {
  const queue = createPromptQueue(() => undefined)
  for (const number of [45, -46, 5, -1, 47]) queue.put(item(number))
  expect(queue.pending().map(({ number }) => number)).toEqual([-46, -1, 5, 45, 47])
})

test('gives the lowest number first, then the lowest id, whatever was removed meanwhile', () => {
  const entries = fc.uniqueArray(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.string()), { selector: (e) => e.join() })
  fc.assert(
    fc.property(entries, fc.array(fc.nat(20)), (all, removed) => {
      const queue = createPromptQueue(() => undefined)
      for (const [number, id] of all) queue.put(item(number, id))
      const gone = removed.map((index) => all[index]).filter((entry) => entry !== undefined)
      for (const [number, id] of gone) queue.remove((other) => other.number === number && other.promptId === id)
      const left = all.filter((entry) => !gone.includes(entry))
      const expected = left.toSorted(([a, x], [b, y]) => a - b || (x < y ? -1 : 1)).map(([number, id]) => [number, id])
      const taken: unknown[] = []
      for (let next = queue.take(); next !== undefined; next = queue.take()) taken.push([next.number, next.promptId])
      expect(taken).toEqual(expected)
    }),
  )
})

test('tells of every change: twice for the last pending item, never for an unknown id', () => {
  const onChange = vi.fn()
  const queue = createPromptQueue(onChange)
  const changesOf = (act: () => unknown): number => {
    onChange.mockClear()
    act()
    return onChange.mock.calls.length
  }
  expect(changesOf(() => queue.put(item(1)))).toBe(1)
  expect(changesOf(() => queue.put(item(2)))).toBe(1)
  expect(changesOf(() => queue.remove(() => false))).toBe(0)
  expect(changesOf(() => queue.remove(({ number }) => number === 2))).toBe(1)
  expect(changesOf(() => queue.remove(({ number }) => number === 1))).toBe(2)
  expect(changesOf(() => queue.clear())).toBe(1)
  expect(changesOf(() => queue.take())).toBe(0)
})

test('fails over a repeated id with the same number and other contents, yet has both', () => {
  const queue = createPromptQueue(() => undefined)
  queue.put(item(1, 'same', { a: 1 }))
  expect(() => queue.put(item(1, 'same', { a: 2 }))).toThrow('not supported between')
  expect(queue.size()).toBe(2)
})

test('counts what runs', () => {
  const queue = createPromptQueue(() => undefined)
  queue.put(item(1))
  queue.take()
  expect([queue.size(), queue.running()?.number]).toEqual([1, 1])
  queue.finish()
  expect(queue.size()).toBe(0)
})
