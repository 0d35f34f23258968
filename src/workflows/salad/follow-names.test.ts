import { expect, test, vi } from 'vitest'
import { followNames } from './follow-names.ts'
import { coreNames, type KnownNames, type ToldNames, uniteNames } from './known-names.ts'

const told = (...files: string[]): ToldNames => ({
  samplers: ['euler', 'res_2s'],
  schedulers: ['normal'],
  files: new Map([['loras', files]]),
})

function fakeRegistry(usesNames: boolean) {
  const learned: KnownNames[] = []
  let change = () => {}
  return {
    learned,
    usesNames,
    change: () => change(),
    learnNames: async (names: KnownNames) => void learned.push(names),
    onChange: (listener: () => void) => {
      change = listener
    },
  }
}

test('names are those of ComfyUI and all that instances have beside them', () => {
  const names = uniteNames([told('b', 'a'), told('c', 'a'), { samplers: [], schedulers: [], files: undefined }])
  expect(names.samplers).toEqual([...coreNames().samplers, 'res_2s'])
  expect(names.models).toEqual(new Map([['loras', ['a', 'b', 'c']]]))
})

test('the registry learns them at once, when instances or modules change, and now and then', async () => {
  vi.useFakeTimers()
  const registry = fakeRegistry(true)
  const ask = vi.fn(async () => [told('a')])
  const names = followNames({ registry, ask, intervalMs: 1000 })
  try {
    await vi.waitFor(() => expect(registry.learned).toHaveLength(1))
    names.refresh()
    await vi.waitFor(() => expect(registry.learned).toHaveLength(2))
    registry.change()
    await vi.waitFor(() => expect(registry.learned).toHaveLength(3))
    await vi.advanceTimersByTimeAsync(1000)
    expect(registry.learned).toHaveLength(4)
  } finally {
    names.close()
    vi.useRealTimers()
  }
})

test('instances are not asked for modules that want no names', async () => {
  const registry = fakeRegistry(false)
  const ask = vi.fn(async () => [])
  const names = followNames({ registry, ask })
  names.refresh()
  await Promise.resolve()
  names.close()
  expect(ask).not.toHaveBeenCalled()
})

test('asking again while an answer is due asks once more, and not once for each', async () => {
  const registry = fakeRegistry(true)
  const { promise, resolve } = Promise.withResolvers<ToldNames[]>()
  const ask = vi.fn(() => promise)
  const names = followNames({ registry, ask })
  for (let count = 0; count < 5; count += 1) names.refresh()
  resolve([told('a')])
  await vi.waitFor(() => expect(registry.learned).toHaveLength(2))
  names.close()
  expect(ask).toHaveBeenCalledTimes(2)
})
