import { expect, test } from 'vitest'
import { systemStatsSchema, type SystemStats } from '../comfyui/wire/answers.ts'
import { InstanceStats } from './instance-stats.ts'

function statsWith(free: number): SystemStats {
  const device = { name: 'cuda:0', type: 'cuda', index: 0, vram_total: 24, vram_free: free }
  return systemStatsSchema.parse({ system: { comfyui_version: '0.33.0' }, devices: [device] })
}

function ask() {
  const waiting: PromiseWithResolvers<SystemStats>[] = []
  const stats = new InstanceStats({
    probe() {
      const answer = Promise.withResolvers<SystemStats>()
      waiting.push(answer)
      return answer.promise
    },
  })
  return { stats, waiting }
}

const muchLaterMs = () => Date.now() + 60_000

test('nothing is known before the first answer', () => {
  const { stats } = ask()
  expect([stats.version, stats.devices, stats.vramBytes]).toEqual([undefined, [], 0])
})

test('is asked again only after a while, and only once at a time', async () => {
  const { stats, waiting } = ask()
  const first = stats.ask()
  waiting[0]?.resolve(statsWith(20))
  await first
  stats.refresh(Date.now())
  expect(waiting).toHaveLength(1)
  stats.refresh(muchLaterMs())
  stats.refresh(muchLaterMs())
  expect(waiting).toHaveLength(2)
  waiting[1]?.resolve(statsWith(5))
  await expect.poll(() => stats.devices[0]?.vramFreeBytes).toBe(5)
  expect([stats.version, stats.vramBytes]).toEqual(['0.33.0', 24])
})

test('without an answer what was known stays, and it is asked again later', async () => {
  const { stats, waiting } = ask()
  const first = stats.ask()
  waiting[0]?.resolve(statsWith(20))
  await first
  stats.refresh(muchLaterMs())
  waiting[1]?.reject(new Error('unreachable'))
  await waiting[1]?.promise.catch(() => undefined)
  expect(stats.devices[0]?.vramFreeBytes).toBe(20)
  await expect.poll(() => (stats.refresh(muchLaterMs()), waiting.length)).toBe(3)
})
