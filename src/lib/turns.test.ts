import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { createTurns } from './turns.ts'

/** Work that lasts until it is told to end. */
function task(name: string, log: string[]) {
  const { promise, resolve } = Promise.withResolvers<string>()
  const run = async () => {
    log.push(name)
    return promise
  }
  return { run, end: () => resolve(name) }
}

test('so many work at once, the others in their order', async () => {
  const turns = createTurns(2)
  const begun: string[] = []
  const tasks = ['a', 'b', 'c', 'd'].map((name) => task(name, begun))
  const done = tasks.map(({ run }) => turns.take(run))
  expect(begun).toEqual(['a', 'b'])
  tasks[1]?.end()
  await done[1]
  await expect.poll(() => begun).toEqual(['a', 'b', 'c'])
  for (const { end } of tasks) end()
  expect(await Promise.all(done)).toEqual(['a', 'b', 'c', 'd'])
  expect(begun).toEqual(['a', 'b', 'c', 'd'])
})

test('work that fails gives its turn on', async () => {
  const turns = createTurns(1)
  const failing = turns.take(() => Promise.reject(new Error('broken')))
  const next = turns.take(async () => 'done')
  await expect(failing).rejects.toThrow('broken')
  expect(await next).toBe('done')
})

test('who leaves while waiting costs nothing, and nobody their turn', async () => {
  const turns = createTurns(1)
  const begun: string[] = []
  const [first, second, third] = ['a', 'b', 'c'].map((name) => task(name, begun))
  if (first === undefined || second === undefined || third === undefined) throw new Error('three were made')
  const gone = new AbortController()
  const works = turns.take(first.run)
  const leaves = turns.take(second.run, gone.signal)
  const stays = turns.take(third.run, new AbortController().signal)
  gone.abort(new Error('gone'))
  await expect(leaves).rejects.toThrow('gone')
  first.end()
  third.end()
  expect([await works, await stays]).toEqual(['a', 'c'])
  expect(begun).toEqual(['a', 'c'])
  await expect(turns.take(second.run, gone.signal)).rejects.toThrow('gone')
  expect(begun).toEqual(['a', 'c'])
  expect(await turns.take(async () => 'free again')).toBe('free again')
})

test('no listener stays at a signal', async () => {
  const turns = createTurns(1)
  const { signal } = new AbortController()
  await Promise.all([
    turns.take(async () => {}),
    turns.take(async () => {}, signal),
    turns.take(async () => {}, signal),
  ])
  expect(getEventListeners(signal, 'abort')).toEqual([])
})
