/**
 * CPU of the job store: `node test/bench/job-store.bench.ts [jobs] [nodes of the prompt] [folder]`.
 * One job is a create and two updates, each awaited; `group` jobs go on at the same time. The first rounds fill the
 * database, so that the later ones show what indexes cost.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Job, JobPayload } from '../../src/jobs/job.ts'
import type { JobStore } from '../../src/jobs/job-store.ts'
import { createMemoryJobStore } from '../../src/jobs/stores/memory-job-store.ts'
import { createSqliteJobStore } from '../../src/jobs/stores/sqlite-job-store.ts'

const [jobCount = 20_000, nodeCount = 12] = process.argv.slice(2, 4).map(Number)
const parent = process.argv[4] ?? tmpdir()

const node = (id: number): [string, JobPayload['prompt'][string]] => [
  String(id),
  {
    class_type: 'KSampler',
    inputs: {
      seed: 123456789,
      steps: 20,
      cfg: 7,
      sampler_name: 'euler',
      scheduler: 'normal',
      model: ['4', 0],
      latent_image: ['5', 0],
    },
    _meta: { title: 'KSampler' },
  },
]
const payload: JobPayload = {
  input: {
    prompt: 'a lighthouse in a storm, oil on canvas',
    negative_prompt: '',
    width: 1024,
    height: 1024,
    steps: 20,
    cfg: 7,
  },
  prompt: Object.fromEntries(Array.from({ length: nodeCount }, (_, id) => node(id))),
  inputFiles: [],
  outputNames: {},
  previews: false,
  priority: 0,
  retry: true,
  limits: {},
}

function createJob(): Job {
  const id = randomUUID()
  return {
    id,
    promptId: id,
    workflow: 'qwen/qwen_base_txt2img',
    state: 'queued',
    times: { createdAtMs: Date.now() },
    attempt: 0,
    instance: undefined,
    outputs: [],
    error: undefined,
    warnings: [],
    nodeStartsMs: {},
    requestId: randomUUID(),
    tags: [],
  }
}

async function runOne(store: JobStore): Promise<void> {
  const job = createJob()
  await store.create({ job, payload })
  const running: Job = {
    ...job,
    state: 'running',
    attempt: 1,
    instance: '127.0.0.1:8188',
    times: { ...job.times, startedAtMs: Date.now() },
  }
  await store.update(running)
  await store.update({
    ...running,
    state: 'succeeded',
    times: { ...running.times, executedAtMs: Date.now(), completedAtMs: Date.now() },
    nodeStartsMs: { 3: Date.now(), 6: Date.now(), 8: Date.now(), 9: Date.now() },
    outputs: [
      {
        index: 0,
        nodeId: '9',
        name: undefined,
        kind: 'image',
        contentType: 'image/png',
        sizeBytes: 1_234_567,
        filename: 'a_00001_.png',
      },
    ],
  })
}

async function measure(name: string, store: JobStore, group: number): Promise<void> {
  const before = process.cpuUsage()
  const startedAtMs = performance.now()
  let started = 0
  const worker = async (): Promise<void> => {
    while (started < jobCount) {
      started += 1
      await runOne(store)
    }
  }
  await Promise.all(Array.from({ length: group }, worker))
  const { user, system } = process.cpuUsage(before)
  const wallMs = performance.now() - startedAtMs
  console.log(
    `${name} group=${group}: ${((user + system) / jobCount).toFixed(1)} us CPU per job ` +
      `(${(system / jobCount).toFixed(1)} system), ${((wallMs * 1000) / jobCount).toFixed(1)} us wall`,
  )
}

const directory = mkdtempSync(join(parent, 'job-store-bench-'))
const store = createSqliteJobStore({ file: join(directory, 'jobs.db') })
try {
  console.log(`${jobCount} jobs a round, payload ${JSON.stringify(payload).length} characters`)
  await measure('memory', createMemoryJobStore(), 64)
  for (const group of [256, 64, 16, 4, 1, 256, 64, 16]) await measure('sqlite', store, group)
} finally {
  await store.close()
  rmSync(directory, { recursive: true })
}
