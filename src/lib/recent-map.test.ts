import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRecentMap } from './recent-map.ts'

describe('createRecentMap', () => {
  test('drops what was least recently set or read', () => {
    const map = createRecentMap<string, number>(2)
    map.set('a', 1)
    map.set('b', 2)
    expect(map.get('a')).toBe(1)
    map.set('c', 3)
    expect([map.has('a'), map.has('b'), map.has('c')]).toEqual([true, false, true])
  })

  test('does not keep what is heavier than all it may hold, nor what it replaces', () => {
    const map = createRecentMap<string, string>(3, (value) => value.length)
    map.set('a', 'xx')
    map.set('a', 'xxxx')
    expect(map.has('a')).toBe(false)
  })

  test('never holds more than its weight, and always the latest that fit', () => {
    const entry = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.string({ maxLength: 6 }))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.array(entry), (maxWeight, entries) => {
        const map = createRecentMap<string, string>(maxWeight, (value) => value.length)
        const latest = new Map<string, string>()
        for (const [key, value] of entries) {
          map.set(key, value)
          latest.delete(key)
          if (value.length <= maxWeight) latest.set(key, value)
          let weight = 0
          let fits = true
          for (const [kept, text] of [...latest].reverse()) {
            weight += text.length
            if (weight > maxWeight) fits = false
            if (!fits) latest.delete(kept)
          }
          for (const name of ['a', 'b', 'c', 'd', 'e']) expect(map.has(name)).toBe(latest.has(name))
        }
      }),
    )
  })
})
