import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pickInstance } from './pick-instance.ts'

const load = fc.record({
  id: fc.uuid(),
  isUsable: fc.boolean(),
  inFlight: fc.integer({ min: 0, max: 4 }),
  capacity: fc.integer({ min: 1, max: 4 }),
  lastModels: fc.constantFrom(undefined, 'a', 'b'),
  lastPickedAtMs: fc.nat(),
})

test('never picks a full or unusable instance, and picks one whenever one is free', () => {
  fc.assert(
    fc.property(fc.array(load), (loads) => {
      const picked = pickInstance(loads, 'a')
      const free = loads.filter(({ isUsable, inFlight, capacity }) => isUsable && inFlight < capacity)
      expect(picked === undefined).toBe(free.length === 0)
      if (picked) expect(free).toContain(picked)
    }),
  )
})

test('never lets a prompt wait behind others while another instance holds fewer', () => {
  fc.assert(
    fc.property(fc.array(load, { minLength: 1 }), (loads) => {
      const picked = pickInstance(loads, 'a')
      if (!picked) return
      const free = loads.filter(({ isUsable, inFlight, capacity }) => isUsable && inFlight < capacity)
      expect(picked.inFlight).toBe(Math.min(...free.map(({ inFlight }) => inFlight)))
      const equals = free.filter(({ inFlight }) => inFlight === picked.inFlight)
      if (equals.some(({ lastModels }) => lastModels === 'a')) expect(picked.lastModels).toBe('a')
    }),
  )
})
