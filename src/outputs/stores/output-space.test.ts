import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createOutputSpace } from './output-space.ts'

const nobody = (): boolean => false

describe('output space', () => {
  test('gives way from the oldest on until the rest fits', () => {
    const space = createOutputSpace(25, nobody)
    for (const jobId of ['a', 'b', 'c', 'd']) space.add(`${jobId}.0`, { jobId, sizeBytes: 10 })
    expect(space.keptBytes).toBe(40)
    expect(space.surplus()).toEqual(['a.0', 'b.0'])
  })

  test('counts an output that is written again once, as the newest', () => {
    const space = createOutputSpace(25, nobody)
    for (const jobId of ['a', 'b', 'a', 'c']) space.add(`${jobId}.0`, { jobId, sizeBytes: 10 })
    expect(space.keptBytes).toBe(30)
    expect(space.surplus()).toEqual(['b.0'])
  })

  test('keeps the outputs of the newest job, however large they are', () => {
    const space = createOutputSpace(25, nobody)
    for (const index of [0, 1, 2]) space.add(`a.${index}`, { jobId: 'a', sizeBytes: 10 })
    expect(space.surplus()).toEqual([])
    space.add('b.0', { jobId: 'b', sizeBytes: 10 })
    expect(space.surplus()).toEqual(['a.0', 'a.1'])
  })

  test('keeps all outputs of a job while any of them is read', () => {
    const space = createOutputSpace(0, nobody)
    for (const jobId of ['a', 'b', 'c']) space.add(`${jobId}.0`, { jobId, sizeBytes: 10 })
    const [first, second] = [space.pin('a'), space.pin('a')]
    first()
    first()
    expect(space.surplus()).toEqual(['b.0'])
    second()
    expect(space.surplus()).toEqual(['a.0', 'b.0'])
  })

  test('asks of no job whether it has ended while everything fits', () => {
    const space = createOutputSpace(10, () => {
      throw new Error('asked')
    })
    space.add('a.0', { jobId: 'a', sizeBytes: 5 })
    space.add('b.0', { jobId: 'b', sizeBytes: 5 })
    expect(space.surplus()).toEqual([])
  })

  test('without a limit everything stays', () => {
    const space = createOutputSpace(undefined, nobody)
    space.add('a.0', { jobId: 'a', sizeBytes: 1e15 })
    space.add('b.0', { jobId: 'b', sizeBytes: 1e15 })
    expect(space.surplus()).toEqual([])
  })

  test('whatever happens, only the oldest that may go do, and no more than must', () => {
    const jobId = fc.constantFrom('a', 'b', 'c', 'd', 'e')
    const step = fc.oneof(
      fc.record({
        does: fc.constant('add' as const),
        jobId,
        index: fc.nat(2),
        sizeBytes: fc.nat(50),
      }),
      fc.record({ does: fc.constantFrom('pin' as const, 'unpin' as const, 'open' as const, 'end' as const), jobId }),
      fc.record({ does: fc.constant('delete' as const), jobId, index: fc.nat(2) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(200), (steps, maxBytes) => {
        const open = new Set<string>()
        const space = createOutputSpace(maxBytes, (id) => open.has(id))
        const unpins = new Map<string, (() => void)[]>()
        let model: { name: string; jobId: string; sizeBytes: number }[] = []
        let newest: string | undefined
        const total = (): number => model.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
        const isFree = (id: string): boolean => id !== newest && !open.has(id) && (unpins.get(id) ?? []).length === 0
        for (const step of steps) {
          if (step.does === 'add') {
            const name = `${step.jobId}.${step.index}`
            const output = { name, jobId: step.jobId, sizeBytes: step.sizeBytes }
            model = [...model.filter((other) => other.name !== name), output]
            newest = step.jobId
            space.add(name, output)
          } else if (step.does === 'delete') {
            const name = `${step.jobId}.${step.index}`
            model = model.filter((other) => other.name !== name)
            space.delete(name)
          } else if (step.does === 'pin') {
            unpins.set(step.jobId, [...(unpins.get(step.jobId) ?? []), space.pin(step.jobId)])
          } else if (step.does === 'unpin') {
            unpins.get(step.jobId)?.pop()?.()
          } else if (step.does === 'open') open.add(step.jobId)
          else open.delete(step.jobId)

          const free = model.filter((output) => isFree(output.jobId))
          const surplus = space.surplus()
          expect(surplus).toEqual(free.slice(0, surplus.length).map(({ name }) => name))
          if (surplus.length > 0) {
            const allButLast = free.slice(0, surplus.length - 1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
            expect(total() - allButLast).toBeGreaterThan(maxBytes)
          }
          for (const name of surplus) {
            model = model.filter((output) => output.name !== name)
            space.delete(name)
          }
          expect(space.keptBytes).toBe(total())
          if (total() > maxBytes) expect(model.filter((output) => isFree(output.jobId))).toEqual([])
        }
      }),
      { numRuns: 500 },
    )
  })
})
