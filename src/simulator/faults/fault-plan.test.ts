import { describe, expect, test } from 'vitest'
import { createFaultPlan, type FaultPlan } from './fault-plan.ts'

function planOf(...specs: string[]): FaultPlan {
  const plan = createFaultPlan({ seed: 'seed', onSetNow: () => undefined })
  plan.set(...specs)
  return plan
}

/** Numbers of the occasions at which it struck. */
function struck(plan: FaultPlan, occasions: number): number[] {
  return Array.from({ length: occasions }, (_, index) => index + 1).filter(() => plan.strike('oom') !== undefined)
}

describe('a fault', () => {
  test.each([
    ['oom', [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ['oom,every=3', [3, 6, 9]],
    ['oom,at=4', [4]],
    ['oom,times=2', [1, 2]],
    ['oom,every=2,times=3', [2, 4, 6]],
  ])('%s strikes at %j of nine occasions', (spec, expected) => {
    const plan = planOf(spec)
    expect(struck(plan, 9)).toEqual(expected)
    expect(plan.fired('oom')).toBe(expected.length)
    expect(plan.armed()).toEqual([{ spec, occasions: 9, fired: expected.length }])
  })

  test('by chance strikes as often as it says, and at the same occasions for the same seed', () => {
    const first = struck(planOf('oom,chance=0.3'), 2000)
    expect(first.length).toBeGreaterThan(500)
    expect(first.length).toBeLessThan(700)
    expect(struck(planOf('oom,chance=0.3'), 2000)).toEqual(first)
  })

  test('counts only what its choice is about', () => {
    const plan = planOf('delay=history,every=2,ms=1', 'http-500=all')
    expect(plan.strike('delay', 'queue')).toBeUndefined()
    expect(plan.strike('delay', 'history')).toBeUndefined()
    expect(plan.strike('delay', 'history')).toMatchObject({ choice: 'history', ms: 1 })
    expect(plan.strike('http-500', 'anything')).toMatchObject({ name: 'http-500' })
  })

  test('starts anew when it is set again, and is gone when it is cleared; what happened stays counted', () => {
    const plan = planOf('oom,times=1')
    expect(struck(plan, 2)).toEqual([1])
    plan.set('oom,times=1')
    expect(struck(plan, 2)).toEqual([1])
    plan.clear('oom')
    expect(plan.isArmed()).toBe(false)
    expect(struck(plan, 2)).toEqual([])
    expect(plan.fired('oom')).toBe(2)
  })

  test('tells those it struck when it is cleared', () => {
    const plan = planOf('ws-stall=progress')
    const hit = plan.strike('ws-stall', 'progress')
    expect(hit?.cleared.aborted).toBe(false)
    plan.clear()
    expect(hit?.cleared.aborted).toBe(true)
  })

  test('that is none arms nothing of what comes with it', () => {
    const plan = planOf()
    expect(() => plan.set('oom', 'nonsense')).toThrow('there is no fault "nonsense"')
    expect(plan.armed()).toEqual([])
  })
})
