import { describe, expect, test } from 'vitest'
import { createModelLists, type ModelFiles } from './model-lists.ts'

const files = (name: string): ModelFiles => new Map([['vae', [name]]])

/** Questions that the test answers itself, and a clock that it moves. */
function ask() {
  const questions: PromiseWithResolvers<ModelFiles>[] = []
  const clock = { nowMs: 1000 }
  const lists = createModelLists({
    ask: () => {
      const question = Promise.withResolvers<ModelFiles>()
      questions.push(question)
      return question.promise
    },
    maxAgeMs: 100,
    retryMs: 10,
    now: () => clock.nowMs,
  })
  return { questions, clock, lists }
}

describe('the model files of an instance', () => {
  test('are asked for once by all who want to know, and again only when the answer is old', async () => {
    const { questions, clock, lists } = ask()
    expect(questions).toHaveLength(0)
    const both = [lists.latest(60_000), lists.latest(60_000)]
    questions[0]?.resolve(files('a'))
    expect(await Promise.all(both)).toEqual(both.map(() => ({ files: files('a'), asOfMs: 1000, failure: undefined })))
    clock.nowMs += 99
    expect((await lists.latest(60_000)).files).toEqual(files('a'))
    expect(questions).toHaveLength(1)
    clock.nowMs += 1
    const renewed = lists.latest(60_000)
    questions[1]?.resolve(files('b'))
    expect(await renewed).toMatchObject({ files: files('b'), asOfMs: 1100 })
  })

  test('stay known when the instance does not answer, and it is asked again after a while', async () => {
    const { questions, clock, lists } = ask()
    const first = lists.latest(60_000)
    questions[0]?.resolve(files('a'))
    await first
    clock.nowMs += 100
    const second = lists.latest(60_000)
    questions[1]?.reject(new Error('gone'))
    expect(await second).toEqual({ files: files('a'), asOfMs: 1000, failure: 'gone' })
    expect((await lists.latest(60_000)).failure).toBe('gone')
    expect(questions).toHaveLength(2)
    clock.nowMs += 10
    const third = lists.latest(60_000)
    questions[2]?.resolve(files('b'))
    expect(await third).toEqual({ files: files('b'), asOfMs: 1110, failure: undefined })
  })

  test('are what is known when the answer takes too long, and then what it was', async () => {
    const { questions, lists } = ask()
    expect((await lists.latest(1)).files).toBeUndefined()
    const late = lists.latest(60_000)
    questions[0]?.resolve(files('a'))
    expect((await late).files).toEqual(files('a'))
    expect(questions).toHaveLength(1)
  })

  test('that were asked for before the instance was connected anew do not count', async () => {
    const { questions, lists } = ask()
    const before = lists.latest(60_000)
    lists.expire()
    const after = lists.latest(60_000)
    questions[0]?.resolve(files('old'))
    await before
    expect(lists.told.files).toBeUndefined()
    questions[1]?.resolve(files('new'))
    expect((await after).files).toEqual(files('new'))
  })
})
