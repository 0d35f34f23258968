import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pickInstance } from './pick-instance.ts'

const load = fc.record({
  id: fc.uuid(),
  isUsable: fc.boolean(),
  isExpected: fc.constant(true),
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

test('waits for one that has the models, however busy or away for a moment, and takes any when none has them', () => {
  const maybeAway = load.chain((one) =>
    fc.boolean().map((isExpected) => ({ ...one, isExpected: one.isUsable || isExpected })),
  )
  fc.assert(
    fc.property(fc.array(maybeAway, { minLength: 1 }), (all) => {
      const picked = pickInstance(all, { ...anything, canRun: hasModel })
      const able = all.filter(({ isExpected, hasModel: has }) => isExpected && has)
      if (able.length > 0) expect(picked).toEqual(pickInstance(able, anything))
      else expect(picked).toEqual(pickInstance(all, anything))
    }),
  )
})

test('waits for one that is about to tell what it has, when no other has the models', () => {
  const idle = { isUsable: true, isExpected: true, inFlight: 0, capacity: 1, lastModels: undefined, vramBytes: 0 }
  const [poor, fresh, able] = [
    { id: 'poor', has: false },
    { id: 'fresh', has: undefined },
    { id: 'able', has: true },
  ] as const
  const busy = { inFlight: 1 }
  const pick = (...all: { id: string; has: boolean | undefined; inFlight?: number }[]) =>
    pickInstance(
      all.map((each) => ({ ...idle, lastPickedAtMs: 0, ...each })),
      { ...anything, canRun: ({ has }) => has },
    )?.id
  expect(pick(poor, fresh)).toBe('fresh')
  expect(pick(poor, { ...fresh, ...busy })).toBeUndefined()
  expect(pick(fresh, able)).toBe('able')
  expect(pick(fresh, { ...able, ...busy })).toBeUndefined()
  expect(pick(poor)).toBe('poor')
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
    isExpected: true,
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
