import { expect, test } from 'vitest'
import { loseInstances } from './lose-instances.ts'

test('no job fails while instances die one after the other', async () => {
  const report = await loseInstances({ seed: 'short', forMs: 8000, everyMs: 1500 })
  expect(report.problems).toEqual([])
  expect(report.deaths).toBeGreaterThan(1)
  expect(report.jobs).toBeGreaterThan(10)
}, 250_000)
