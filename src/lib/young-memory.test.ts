import { PerformanceObserver, constants } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { createYoungMemory } from './young-memory.ts'

const mebibyte = 1024 * 1024

test('young memory is collected once for every four MiB that passed', () => {
  let collections = 0
  const memory = createYoungMemory(() => {
    collections++
  })
  for (let passed = 0; passed < 40; passed++) memory.passed(mebibyte)
  expect(collections).toBe(10)
  memory.passed(100)
  expect(collections).toBe(10)
})

test('V8 does collect young memory, and nothing else', async () => {
  const kinds: unknown[] = []
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if ('detail' in entry) kinds.push(entry.detail)
    resolve(undefined)
  })
  observer.observe({ entryTypes: ['gc'] })
  createYoungMemory().passed(8 * mebibyte)
  await promise
  observer.disconnect()
  expect(kinds).toContainEqual(expect.objectContaining({ kind: constants.NODE_PERFORMANCE_GC_MINOR }))
})
