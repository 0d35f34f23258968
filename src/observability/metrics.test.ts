import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Job, JobState, JobTimes } from '../jobs/job.ts'
import { createMetrics, type Metrics } from './metrics.ts'

let metrics: Metrics
beforeEach(() => {
  metrics = createMetrics({ version: '1.2.3' })
})
afterEach(() => {
  metrics.close()
})

function job(state: JobState, times: Partial<JobTimes> = {}): Job {
  return {
    id: 'j1',
    promptId: 'j1',
    workflow: 'qwen/txt2img',
    state,
    times: { createdAtMs: 1_000, ...times },
    attempt: 1,
    instance: 'gpu',
    outputs: [],
    error: undefined,
    warnings: [],
    nodeStartsMs: {},
    requestId: 'r1',
  }
}

async function sample(line: string): Promise<number | undefined> {
  const text = (await metrics.render()).split('\n').find((candidate) => candidate.startsWith(`${line} `))
  return text === undefined ? undefined : Number(text.slice(line.length + 1))
}

describe('jobs', () => {
  test('are counted by workflow and outcome, with their times in seconds', async () => {
    metrics.observeJob(job('queued'), undefined)
    metrics.observeJob(job('running', { startedAtMs: 3_000 }), 'queued')
    metrics.observeJob(job('succeeded', { startedAtMs: 3_000, executedAtMs: 7_000, completedAtMs: 8_000 }), 'running')
    const workflow = 'workflow="qwen/txt2img"'
    expect(await sample(`comfyui_api_jobs_total{${workflow},outcome="succeeded"}`)).toBe(1)
    expect(await sample(`comfyui_api_job_queue_seconds_sum{${workflow}}`)).toBe(2)
    expect(await sample(`comfyui_api_job_run_seconds_sum{${workflow}}`)).toBe(4)
    expect(await sample(`comfyui_api_job_total_seconds_sum{${workflow}}`)).toBe(7)
  })

  test('that never ran have no run time', async () => {
    metrics.observeJob(job('canceled', { completedAtMs: 4_000 }), 'queued')
    expect(await sample('comfyui_api_job_queue_seconds_sum{workflow="qwen/txt2img"}')).toBe(3)
    expect(await sample('comfyui_api_job_run_seconds_count{workflow="qwen/txt2img"}')).toBeUndefined()
  })

  test('are open in exactly one state until they end', async () => {
    const open = async () =>
      Promise.all(['queued', 'running', 'canceling'].map((state) => sample(`comfyui_api_jobs_open{state="${state}"}`)))
    metrics.observeJob(job('queued'), undefined)
    expect(await open()).toEqual([1, undefined, undefined])
    metrics.observeJob(job('running'), 'queued')
    metrics.observeJob(job('running'), 'running')
    expect(await open()).toEqual([0, 1, undefined])
    metrics.observeJob(job('canceling'), 'running')
    expect(await open()).toEqual([0, 0, 1])
    metrics.observeJob(job('canceled'), 'canceling')
    expect(await open()).toEqual([0, 0, 0])
  })
})

test('an instance is 1 while it is up and 0 while it is down', async () => {
  metrics.observeInstance('gpu', true)
  expect(await sample('comfyui_api_instance_up{instance="gpu"}')).toBe(1)
  metrics.observeInstance('gpu', false)
  expect(await sample('comfyui_api_instance_up{instance="gpu"}')).toBe(0)
})

test.each([
  ['/jobs/:id/outputs/:n', 'jobs'],
  ['/*', 'workflow'],
  ['/', 'root'],
  [undefined, 'none'],
])('a request to route %s is counted in group %s', async (route, group) => {
  metrics.observeRequest(route, 200)
  expect(await sample(`comfyui_api_http_requests_total{group="${group}",status="200"}`)).toBe(1)
})

test('the version and the state of the process are told', async () => {
  expect(await sample('comfyui_api_build_info{version="1.2.3"}')).toBe(1)
  expect(await sample('process_resident_memory_bytes')).toBeGreaterThan(1e6)
  expect(await sample('process_cpu_seconds_total')).toBeGreaterThan(0)
  expect(await sample('nodejs_eventloop_lag_seconds{quantile="0.99"}')).toBeGreaterThanOrEqual(0)
  expect(metrics.contentType).toContain('text/plain')
})
