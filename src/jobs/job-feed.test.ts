import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { makePayload, makeStored } from '../../test/support/make-job.ts'
import { JobFeed } from './job-feed.ts'
import type { AnyJobEvent } from './jobs.ts'
import { LiveJob } from './live-job.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function runningJob(): LiveJob {
  const { job } = makeStored({ state: 'running' })
  return new LiveJob(job, makePayload())
}

function listen(feed: JobFeed) {
  const heard: AnyJobEvent[] = []
  const subscription = feed.subscribe((event) => void heard.push(event))
  return { heard, close: () => subscription.close() }
}

test('tells every state once, the last as the end', () => {
  const feed = new JobFeed()
  const { heard } = listen(feed)
  const { job } = makeStored()
  feed.tellStatus(job)
  feed.tellStatus({ ...job, state: 'running' })
  feed.tellStatus({ ...job, state: 'succeeded' })
  expect(heard.map(({ type, job: { state } }) => [type, state])).toEqual([
    ['status', 'queued'],
    ['status', 'running'],
    ['end', 'succeeded'],
  ])
  feed.close()
})

test('tells the progress of each job twice a second at most, and the latest in the end', () => {
  const feed = new JobFeed()
  const { heard } = listen(feed)
  const lives = [runningJob(), runningJob()]
  for (let step = 1; step <= 100; step++) {
    for (const live of lives) {
      live.progress.noteProgress('3', step, 100)
      feed.noteProgress(live)
    }
    vi.advanceTimersByTime(100)
  }
  vi.advanceTimersByTime(10_000)
  for (const { job } of lives) {
    const told = heard.flatMap((event) =>
      event.type === 'progress' && event.job.id === job.id ? [event.progress] : [],
    )
    expect(told).toHaveLength(20)
    expect(told.at(-1)).toMatchObject({ step: 100, steps: 100 })
  }
  feed.close()
})

test('tells no progress of a job that has ended or waits again', () => {
  const feed = new JobFeed()
  const { heard } = listen(feed)
  const [ended, requeued] = [runningJob(), runningJob()]
  for (const live of [ended, requeued]) feed.noteProgress(live)
  ended.job = { ...ended.job, state: 'failed' }
  requeued.job = { ...requeued.job, state: 'queued' }
  vi.advanceTimersByTime(1000)
  expect(heard).toEqual([])
  feed.close()
})

test('reckons nothing and keeps no timer while nobody listens', () => {
  const feed = new JobFeed()
  const live = runningJob()
  const reckon = vi.spyOn(live.progress, 'current')
  feed.noteProgress(live)
  feed.tellStatus(live.job)
  expect(vi.getTimerCount()).toBe(0)
  const first = listen(feed)
  const second = listen(feed)
  vi.advanceTimersByTime(1000)
  expect(first.heard).toEqual([])
  feed.noteProgress(live)
  first.close()
  first.close()
  vi.advanceTimersByTime(1000)
  expect(first.heard).toEqual([])
  expect(second.heard).toHaveLength(1)
  expect(reckon).toHaveBeenCalledTimes(1)
  second.close()
  feed.noteProgress(live)
  expect(vi.getTimerCount()).toBe(0)
})
