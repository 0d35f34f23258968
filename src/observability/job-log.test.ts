import { pino } from 'pino'
import { expect, test } from 'vitest'
import { makeJob } from '../../test/support/make-job.ts'
import type { Job, JobState } from '../jobs/job.ts'
import { createJobLog } from './job-log.ts'

function job(state: JobState, more: Partial<Job> = {}): Job {
  return makeJob({
    id: 'j1',
    promptId: 'p1',
    workflow: 'qwen/txt2img',
    state,
    times: { createdAtMs: 1_000, startedAtMs: 1_500, executedAtMs: 4_500, completedAtMs: 4_600 },
    attempt: 1,
    instance: 'gpu',
    requestId: 'r1',
    ...more,
  })
}

function capture() {
  const lines: unknown[] = []
  const logger = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  return { lines, log: createJobLog(logger) }
}

const info = 30
const warn = 40

test('a job makes one line, when it ends', () => {
  const { lines, log } = capture()
  log(job('queued'), undefined)
  log(job('running'), 'queued')
  log(job('succeeded'), 'running')
  expect(lines).toEqual([
    {
      level: info,
      jobId: 'j1',
      promptId: 'p1',
      requestId: 'r1',
      workflow: 'qwen/txt2img',
      instance: 'gpu',
      outcome: 'succeeded',
      attempts: 1,
      outputs: 0,
      queueMs: 500,
      runMs: 3_000,
      totalMs: 3_600,
      msg: 'job ended',
    },
  ])
})

test.each(['failed', 'expired'] as const)('a job that %s is a warning with the code of its error', (state) => {
  const { lines, log } = capture()
  log(job(state, { error: { code: 'execution_error', message: 'node 3 failed' } }), 'running')
  expect(lines).toMatchObject([{ level: warn, outcome: state, code: 'execution_error', reason: 'node 3 failed' }])
})

test('a job that was canceled before it ran has only waited', () => {
  const { lines, log } = capture()
  log(job('canceled', { times: { createdAtMs: 1_000, completedAtMs: 3_000 }, instance: undefined }), 'queued')
  expect(lines).toMatchObject([{ level: info, queueMs: 2_000, totalMs: 2_000 }])
  expect(lines[0]).not.toHaveProperty('runMs')
})

test('the trace of a job is in its line', () => {
  const { lines, log } = capture()
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  log(job('succeeded', { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }), 'running')
  expect(lines).toMatchObject([{ traceId }])
})
