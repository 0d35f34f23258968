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
  vramBytes: fc.constantFrom(0, 8, 24),
  hasModel: fc.boolean(),
})
const loads = fc.array(load, { minLength: 1 })
const hasModel = (candidate: { hasModel: boolean }) => candidate.hasModel
const anything = { models: 'a', canRun: () => true, wantsMemory: false }

test('never picks a full or unusable instance, and picks one whenever one is free', () => {
  fc.assert(
    fc.property(loads, (all) => {
      const picked = pickInstance(all, anything)
      const free = all.filter(({ isUsable, inFlight, capacity }) => isUsable && inFlight < capacity)
      expect(picked === undefined).toBe(free.length === 0)
      if (picked) expect(free).toContain(picked)
    }),
  )
})

test('never picks one that lacks a model while another has it, and still picks one when none has', () => {
  fc.assert(
    fc.property(loads, (all) => {
      const picked = pickInstance(all, { ...anything, canRun: hasModel })
      const able = all.filter((candidate) => candidate.isUsable && candidate.hasModel)
      if (picked && able.length > 0) expect(picked.hasModel).toBe(true)
      if (able.length === 0) expect(picked).toEqual(pickInstance(all, anything))
      if (able.some(({ inFlight, capacity }) => inFlight < capacity)) expect(picked).toBeDefined()
    }),
  )
})

test('never lets a prompt wait behind others while another instance holds fewer, and avoids loading models', () => {
  fc.assert(
    fc.property(loads, (all) => {
      const picked = pickInstance(all, anything)
      if (!picked) return
      const free = all.filter(({ isUsable, inFlight, capacity }) => isUsable && inFlight < capacity)
      expect(picked.inFlight).toBe(Math.min(...free.map(({ inFlight }) => inFlight)))
      const equals = free.filter(({ inFlight }) => inFlight === picked.inFlight)
      if (equals.some(({ lastModels }) => lastModels === 'a')) expect(picked.lastModels).toBe('a')
    }),
  )
})

test('gives a prompt that ran out of memory to the largest that is free', () => {
  fc.assert(
    fc.property(loads, (all) => {
      const picked = pickInstance(all, { ...anything, wantsMemory: true })
      if (!picked) return
      const free = all.filter(({ isUsable, inFlight, capacity }) => isUsable && inFlight < capacity)
      expect(picked.vramBytes).toBe(Math.max(...free.map(({ vramBytes }) => vramBytes)))
    }),
  )
})

test('no instance starves: when prompts come and go, each of equals is picked again and again', () => {
  const instances = [0, 1, 2, 3].map((number) => ({
    id: String(number),
    isUsable: true,
    inFlight: 0,
    capacity: 2,
    lastModels: undefined,
    lastPickedAtMs: 0,
    vramBytes: 0,
    picks: 0,
  }))
  for (let nowMs = 1; nowMs <= 100; nowMs++) {
    const picked = pickInstance(instances, anything)
    if (!picked) throw new Error('none was picked')
    picked.picks++
    picked.lastPickedAtMs = nowMs
  }
  expect(instances.map(({ picks }) => picks)).toEqual([25, 25, 25, 25])
})
