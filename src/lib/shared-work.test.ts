import { expect, test } from 'vitest'
import { createSharedWork } from './shared-work.ts'

const never = new AbortController().signal

function startCounting() {
  const started: { signal: AbortSignal; end: (value: string) => void; fail: (error: Error) => void }[] = []
  const start = (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      started.push({ signal, end: resolve, fail: reject })
      signal.addEventListener('abort', () => reject(new Error('aborted')))
    })
  return { started, start }
}

test('work of one name is done once for all who wait, and again for those who come later', async () => {
  const work = createSharedWork<string>()
  const { started, start } = startCounting()
  const waiting = [work.run('a', start, never), work.run('a', start, never)]
  const other = work.run('b', start, never)
  expect(started).toHaveLength(2)
  started[0]?.end('done')
  expect(await Promise.all(waiting)).toEqual(['done', 'done'])
  const later = work.run('a', start, never)
  started[1]?.end('b')
  started[2]?.end('again')
  expect([await other, await later]).toEqual(['b', 'again'])
  expect(started.map(({ signal }) => signal.aborted)).toEqual([false, false, false])
})

test('one who gives up does not end the work of the others', async () => {
  const work = createSharedWork<string>()
  const { started, start } = startCounting()
  const caller = new AbortController()
  const first = work.run('a', start, caller.signal)
  const second = work.run('a', start, never)
  caller.abort(new Error('gone'))
  await expect(first).rejects.toThrow('gone')
  expect(started[0]?.signal.aborted).toBe(false)
  started[0]?.end('done')
  expect(await second).toBe('done')
})

test('work that nobody waits for is given up, and begun anew for the next', async () => {
  const work = createSharedWork<string>()
  const { started, start } = startCounting()
  const callers = [new AbortController(), new AbortController()]
  const waiting = callers.map(({ signal }) => work.run('a', start, signal))
  for (const caller of callers) caller.abort(new Error('gone'))
  for (const one of waiting) await expect(one).rejects.toThrow('gone')
  expect(started[0]?.signal.aborted).toBe(true)
  const next = work.run('a', start, never)
  started[1]?.end('anew')
  expect(await next).toBe('anew')
  await expect(work.run('a', start, AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
  expect(started).toHaveLength(2)
})

test('all who wait are told of a failure, and the next one tries again', async () => {
  const work = createSharedWork<string>()
  const { started, start } = startCounting()
  const waiting = [work.run('a', start, never), work.run('a', start, never)]
  started[0]?.fail(new Error('broken'))
  for (const one of waiting) await expect(one).rejects.toThrow('broken')
  const next = work.run('a', start, never)
  started[1]?.end('done')
  expect(await next).toBe('done')
})
