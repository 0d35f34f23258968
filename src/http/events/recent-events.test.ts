import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentEvents } from './recent-events.ts'

test('gives all events after a number, or says that some are missing', () => {
  const step = fc.constantFrom('add', 'skip', 'clear')
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(step, { maxLength: 60 }), (capacity, steps) => {
      const recent = new RecentEvents<number>(capacity)
      const kept = new Set<number>()
      for (const name of steps) {
        if (name === 'add') {
          const number = recent.nextNumber
          recent.add(number)
          kept.add(number)
          expect(recent.lastNumber).toBe(number)
        } else {
          recent[name]()
          kept.clear()
        }
        for (const number of kept) if (number <= recent.lastNumber - capacity) kept.delete(number)
      }
      for (let number = 0; number <= recent.lastNumber + 2; number++) {
        const wanted = Array.from({ length: recent.lastNumber - number }, (_, index) => number + 1 + index)
        const isKnown = number <= recent.lastNumber && wanted.every((one) => kept.has(one))
        expect(recent.after(number)).toEqual(isKnown ? wanted : undefined)
      }
    }),
  )
})

test('knows nothing of before a gap', () => {
  const recent = new RecentEvents<string>(10)
  recent.add('a')
  expect(recent.after(0)).toEqual(['a'])
  expect(recent.after(1)).toEqual([])
  recent.skip()
  expect(recent.after(1)).toBeUndefined()
  expect(recent.after(2)).toEqual([])
})
