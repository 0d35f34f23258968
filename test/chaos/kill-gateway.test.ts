import { expect, test } from 'vitest'
import { killGateway } from './kill-gateway.ts'

test('a gateway that is killed again and again loses no job and makes up none', async () => {
  const report = await killGateway({ seed: 'short', kills: 3, jobs: 40 })
  expect(report.problems).toEqual([])
  expect(report.kills).toBeGreaterThanOrEqual(3)
  expect(report.accepted).toBeGreaterThanOrEqual(40)
}, 400_000)
