import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { makeAttempt, makeJob } from '../../test/support/make-job.ts'
import type { OpenJobs } from '../jobs/job.ts'
import type { ObservedInstance } from './instance-metrics.ts'
import { createMetrics, type Metrics } from './metrics.ts'

const idle: OpenJobs = { queued: 0, running: 0, canceling: 0, waiting: 0, oldestWaitingSinceMs: undefined }
const times = { createdAtMs: 1_000, startedAtMs: 3_000, executedAtMs: 7_000, completedAtMs: 8_000 }
const done = makeJob({ workflow: 'qwen/txt2img', state: 'succeeded', times })

let instances: ObservedInstance[]
let open: OpenJobs
let outputs: { keptBytes: number; removedOutputs: number }
let metrics: Metrics
beforeEach(() => {
  instances = []
  open = idle
  outputs = { keptBytes: 0, removedOutputs: 0 }
  metrics = createMetrics({
    version: '1.2.3',
    instances: () => instances,
    openJobs: () => open,
    workflows: () => ({ ready: 2, notReady: 1, unknown: 0 }),
    outputs: () => outputs,
  })
})
afterEach(() => {
  metrics.close()
})

async function lines(): Promise<string[]> {
  return (await metrics.render()).split('\n')
}

async function sample(line: string): Promise<number | undefined> {
  const text = (await lines()).find((candidate) => candidate.startsWith(`${line} `))
  return text === undefined ? undefined : Number(text.slice(line.length + 1))
}

test('outputs are counted as they are kept and removed', async () => {
  outputs = { keptBytes: 7_000, removedOutputs: 3 }
  await metrics.render()
  outputs = { keptBytes: 5_000, removedOutputs: 4 }
  expect(await sample('comfyui_api_outputs_bytes')).toBe(5_000)
  expect(await sample('comfyui_api_outputs_removed_total')).toBe(4)
})

describe('jobs', () => {
  const labels = 'workflow="qwen/txt2img",outcome="succeeded"'

  test('are counted once, when they end, with their times in seconds', async () => {
    metrics.observeJob({ ...done, state: 'queued' }, undefined)
    metrics.observeJob({ ...done, state: 'running' }, 'queued')
    expect(await sample(`comfyui_api_jobs_total{${labels}}`)).toBeUndefined()
    metrics.observeJob(done, 'running')
    expect(await sample(`comfyui_api_jobs_total{${labels}}`)).toBe(1)
    expect(await sample(`comfyui_api_job_queue_duration_seconds_sum{${labels}}`)).toBe(2)
    expect(await sample(`comfyui_api_job_run_duration_seconds_sum{${labels}}`)).toBe(4)
    expect(await sample(`comfyui_api_job_duration_seconds_sum{${labels}}`)).toBe(7)
  })

  test('that never ran have no run time', async () => {
    const canceled = { ...done, state: 'canceled', times: { createdAtMs: 1_000, completedAtMs: 4_000 } } as const
    metrics.observeJob(canceled, 'queued')
    const ended = 'workflow="qwen/txt2img",outcome="canceled"'
    expect(await sample(`comfyui_api_job_queue_duration_seconds_sum{${ended}}`)).toBe(3)
    expect(await sample(`comfyui_api_job_run_duration_seconds_count{${ended}}`)).toBeUndefined()
  })

  test('that are open are looked up when somebody asks', async () => {
    open = { queued: 7, running: 2, canceling: 1, waiting: 5, oldestWaitingSinceMs: Date.now() - 60_000 }
    expect(await sample('comfyui_api_jobs_open{state="queued"}')).toBe(7)
    expect(await sample('comfyui_api_jobs_open{state="running"}')).toBe(2)
    expect(await sample('comfyui_api_jobs_open{state="canceling"}')).toBe(1)
    expect(await sample('comfyui_api_queue_depth')).toBe(5)
    expect(await sample('comfyui_api_queue_oldest_age_seconds')).toBeGreaterThanOrEqual(60)
    open = idle
    expect(await sample('comfyui_api_queue_oldest_age_seconds')).toBe(0)
  })

  test('have attempts, of which those after the first are failovers', async () => {
    metrics.observeAttempt(makeAttempt(done, { outcome: 'lost' }))
    metrics.observeAttempt(makeAttempt(done, { number: 2, instance: 'other' }))
    metrics.observeAttempt(makeAttempt(done, { number: 2, isAdopted: true }))
    expect(await sample('comfyui_api_job_attempts_total{comfyui_instance="gpu",outcome="lost"}')).toBe(1)
    expect(await sample('comfyui_api_job_attempts_total{comfyui_instance="other",outcome="succeeded"}')).toBe(1)
    expect(await sample('comfyui_api_job_failovers_total{workflow="qwen/txt2img"}')).toBe(1)
  })

  test('that run out of memory are counted by instance', async () => {
    metrics.observeAttempt(makeAttempt(done, { outcome: 'failed', error: { code: 'out_of_memory', message: '' } }))
    metrics.observeAttempt(makeAttempt(done, { outcome: 'failed', error: { code: 'execution_error', message: '' } }))
    expect(await sample('comfyui_api_job_out_of_memory_total{workflow="qwen/txt2img",comfyui_instance="gpu"}')).toBe(1)
  })

  test('of very many workflows share one label from some number on', async () => {
    for (let count = 0; count < 700; count++) metrics.observeJob({ ...done, workflow: `made/up${count}` }, 'running')
    const counted = (await lines()).filter((line) => line.startsWith('comfyui_api_jobs_total{'))
    expect(counted).toHaveLength(501)
    expect(await sample('comfyui_api_jobs_total{workflow="other",outcome="succeeded"}')).toBe(200)
  })
})

describe('instances', () => {
  const gpu: ObservedInstance = {
    id: 'gpu',
    state: 'ready',
    breaker: 'closed',
    inFlight: 2,
    capacity: 3,
    queueRemaining: 4,
    runningJobId: 'j1',
    lastHeardAtMs: 1_700_000_000_500,
    devices: [{ name: 'cuda:0', vramTotalBytes: 24e9, vramFreeBytes: undefined }],
  }

  test('are told with all that is known of them', async () => {
    instances = [gpu]
    expect((await lines()).filter((line) => line.startsWith('comfyui_api_instance_'))).toEqual([
      'comfyui_api_instance_up{comfyui_instance="gpu"} 1',
      ...['connecting 0', 'ready 1', 'reconnecting 0', 'unreachable 0', 'ejected 0', 'stuck 0', 'draining 0'].map(
        (state) => `comfyui_api_instance_state{comfyui_instance="gpu",state="${state.replace(' ', '"} ')}`,
      ),
      'comfyui_api_instance_breaker_state{comfyui_instance="gpu",state="closed"} 1',
      'comfyui_api_instance_breaker_state{comfyui_instance="gpu",state="open"} 0',
      'comfyui_api_instance_breaker_state{comfyui_instance="gpu",state="half_open"} 0',
      'comfyui_api_instance_jobs{comfyui_instance="gpu"} 2',
      'comfyui_api_instance_jobs_limit{comfyui_instance="gpu"} 3',
      'comfyui_api_instance_running{comfyui_instance="gpu"} 1',
      'comfyui_api_instance_queue_length{comfyui_instance="gpu"} 4',
      'comfyui_api_instance_last_heard_timestamp_seconds{comfyui_instance="gpu"} 1700000000.5',
      'comfyui_api_instance_vram_total_bytes{comfyui_instance="gpu",device="0 cuda:0"} 24000000000',
    ])
  })

  test('that are gone leave nothing behind', async () => {
    instances = [gpu, { ...gpu, id: 'other', state: 'unreachable' }]
    expect(await sample('comfyui_api_instance_up{comfyui_instance="other"}')).toBe(0)
    instances = [gpu]
    expect(await metrics.render()).not.toContain('comfyui_instance="other"')
  })
})

describe('requests', () => {
  test.each([
    ['/jobs/:id/outputs/:n', '/jobs/{id}/outputs/{n}'],
    ['/*', '/{workflow}'],
    ['/', '/'],
    ['none', 'none'],
  ])('to route %s are measured as %s', async (route, name) => {
    metrics.observeRequest({ method: 'GET', route, status: 200, seconds: 0.5 })
    const labels = `method="GET",route="${name}",status="200"`
    expect(await sample(`comfyui_api_http_request_duration_seconds_sum{${labels}}`)).toBe(0.5)
  })

  test('that are event streams are counted while they are open', async () => {
    metrics.setOpenStreams(3)
    expect(await sample('comfyui_api_event_streams_open')).toBe(3)
  })
})

describe('the process', () => {
  test('tells its version and its state', async () => {
    expect(await sample('comfyui_api_build_info{version="1.2.3"}')).toBe(1)
    expect(await sample(`nodejs_version_info{version="${process.version}"}`)).toBe(1)
    expect(await sample('process_resident_memory_bytes')).toBeGreaterThan(1e6)
    expect(await sample('nodejs_heap_size_total_bytes')).toBeGreaterThan(1e6)
    expect(await sample('process_cpu_seconds_total')).toBeGreaterThan(0)
    for (const which of ['p50', 'p99', 'max'])
      expect(await sample(`nodejs_eventloop_lag_${which}_seconds`)).toBeGreaterThanOrEqual(0)
    if (process.platform === 'linux') {
      expect(await sample('process_open_fds')).toBeGreaterThan(0)
      expect(await sample('process_max_fds')).toBeGreaterThan(0)
    }
    expect(metrics.contentType).toContain('text/plain')
  })

  test('goes on where the system does not tell the memory', async () => {
    const memory = vi.spyOn(process, 'memoryUsage').mockImplementation(() => {
      throw Object.assign(new Error('ENOENT: no such file or directory, uv_resident_set_memory'), { code: 'ENOENT' })
    })
    try {
      expect(await sample('process_resident_memory_bytes')).toBe(0)
      expect(await sample('process_cpu_seconds_total')).toBeGreaterThan(0)
    } finally {
      memory.mockRestore()
    }
  })

  test('never takes back CPU time', async () => {
    const before = (await sample('process_cpu_seconds_total')) ?? 0
    expect(await sample('process_cpu_seconds_total')).toBeGreaterThanOrEqual(before)
  })
})

describe('what a scrape gets', () => {
  const own = async () => (await lines()).filter((line) => line.includes('comfyui_api_'))

  test('is the same again while nothing happens, and no longer after more of the same', async () => {
    instances = []
    metrics.observeJob(done, 'running')
    const first = await own()
    expect(await own()).toEqual(first)
    for (let count = 0; count < 1000; count++) metrics.observeJob(done, 'running')
    expect(await own()).toHaveLength(first.length)
  })

  test('has a help text and a type for everything that is described, in base units', async () => {
    const text = await metrics.render()
    for (const { name, type, help } of metrics.descriptions) {
      expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`)
      expect(name).toMatch(/^(comfyui_api|process|nodejs)_[a-z0-9_]+$/)
      expect(name.endsWith('_total')).toBe(type === 'counter')
      expect(name).not.toMatch(/_(ms|milliseconds|kb|mb)(_|$)/)
      expect(help).toMatch(/^[A-Z0-9].*\.$/)
    }
    expect(text.match(/^# TYPE /gm)).toHaveLength(metrics.descriptions.length)
  })
})
