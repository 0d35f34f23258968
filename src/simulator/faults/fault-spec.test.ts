import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatFaultSpec, parseFaultSpec, type FaultSpec } from './fault-spec.ts'
import { faultDefinition, faultNames } from './fault-table.ts'

describe('a fault as text', () => {
  test.each<[string, FaultSpec]>([
    ['worker-death', { name: 'worker-death' }],
    ['crash-every=20', { name: 'crash', choice: 'execution_start', every: 20 }],
    ['crash,every=20', { name: 'crash', choice: 'execution_start', every: 20 }],
    ['ws-close=progress,every=5', { name: 'ws-close', choice: 'progress', every: 5 }],
    ['restart', { name: 'restart', choice: 'execution_start', ms: 500 }],
    ['restart=view,ms=20,times=1', { name: 'restart', choice: 'view', ms: 20, times: 1 }],
    ['slow-history=250', { name: 'slow-history', ms: 250 }],
    ['slow-history', { name: 'slow-history', ms: 500 }],
    ['ws-stall=now,ms=100', { name: 'ws-stall', choice: 'now', ms: 100 }],
    ['oom,chance=0.25', { name: 'oom', chance: 0.25 }],
    [' delay = history , ms = 5 ', { name: 'delay', choice: 'history', ms: 5 }],
  ])('%s', (text, spec) => {
    expect(parseFaultSpec(text)).toEqual(spec)
  })

  test.each([
    ['', 'there is no fault ""'],
    ['crahs', 'Did you mean crash?'],
    ['crahs', 'Possible: prompt-delay, '],
    ['ws-close=lunch', 'ws-close takes one of execution_start, now, '],
    ['worker-death=1', 'worker-death takes no value'],
    ['worker-death,ms=1', '"ms" is unknown here. Possible: worker-death[,every=N]'],
    ['oom,sometimes', '"sometimes" is unknown here'],
    ['oom,every=0', 'every must be a whole number of 1 or more'],
    ['oom,times=1.5', 'times must be a whole number'],
    ['crash-every', 'every must be a whole number'],
    ['slow-history=soon', 'ms must be a whole number of 0 or more'],
    ['slow-history=5,ms=6', 'ms is there twice'],
    ['oom,chance=0', 'chance must be above 0 and at most 1'],
    ['oom,chance=2', 'chance must be above 0 and at most 1'],
    ['crash=now,every=2', 'now is once'],
  ])('%s is refused: %s', (text, reason) => {
    expect(() => parseFaultSpec(text)).toThrow(reason)
  })

  test('every default and every choice of the table can be written', () => {
    for (const name of faultNames) {
      expect(parseFaultSpec(name).name).toBe(name)
      for (const choice of faultDefinition(name).choices ?? []) {
        expect(parseFaultSpec(`${name}=${choice}`).choice).toBe(choice)
      }
    }
  })

  test('says the same after it was written and read again', () => {
    fc.assert(
      fc.property(anySpec, (spec) => {
        expect(parseFaultSpec(formatFaultSpec(spec))).toEqual(spec)
      }),
    )
  })

  test('is read or refused with its own error, whatever it is', () => {
    const part = fc.oneof(fc.constantFrom(...faultNames, 'every', 'ms', '=', ',', 'now', '5', '-every'), fc.string())
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const text = parts.join('')
        try {
          expect(faultNames).toContain(parseFaultSpec(text).name)
        } catch (error) {
          expect(error).toMatchObject({ name: 'FaultSpecError' })
        }
      }),
    )
  })
})

const count = fc.integer({ min: 1, max: 1_000_000 })

const anySpec: fc.Arbitrary<FaultSpec> = fc.constantFrom(...faultNames).chain((name) => {
  const { choices, ms } = faultDefinition(name)
  const choice = choices === undefined ? fc.constant(undefined) : fc.constantFrom(...choices)
  return fc
    .record({
      choice,
      ms: ms === undefined ? fc.constant(undefined) : fc.integer({ min: 0, max: 60_000 }),
      every: fc.option(count, { nil: undefined }),
      at: fc.option(count, { nil: undefined }),
      times: fc.option(count, { nil: undefined }),
      chance: fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }),
    })
    .map(({ chance, ...rest }) => {
      const counted = rest.choice === 'now' ? {} : { ...rest, chance: chance === undefined ? undefined : chance / 1000 }
      const entries = Object.entries({ ...rest, every: undefined, at: undefined, times: undefined, ...counted })
      const given: Omit<FaultSpec, 'name'> = Object.fromEntries(entries.filter(([, value]) => value !== undefined))
      return { name, ...given }
    })
})
