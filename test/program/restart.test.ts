import { expect, test } from 'vitest'
import { createSimulator } from '../../src/simulator/simulator.ts'
import type { JobResource } from '../../src/http/schemas/job.ts'
import { createClient } from '../support/call-gateway.ts'
import { ProgramHome, startProgram, type RunningProgram } from '../support/program.ts'

test('jobs outlive a program that is killed', async () => {
  using home = new ProgramHome()
  const simulator = await createSimulator({ stepDelayMs: 60 })
  const args = ['serve', '--comfyui-url', simulator.url, '--data-dir', home.at('data')]
  let program: RunningProgram = await startProgram(args, { home })
  try {
    const client = createClient(() => program.url)
    const jobs: JobResource[] = []
    for (const seed of [1, 2, 3]) {
      const body = { prompt: 'a lighthouse', width: 256, height: 256, seed }
      jobs.push(await client.submit('/qwen/qwen_base_txt2img', body))
    }
    await expect.poll(async () => (await client.job(jobs[0]?.id ?? '')).status).toBe('running')
    await program.end('SIGKILL')

    program = await startProgram(args, { home })
    const statuses = async () => (await Promise.all(jobs.map(({ id }) => client.job(id)))).map(({ status }) => status)
    await expect.poll(statuses, { timeout: 60_000 }).toEqual(jobs.map(() => 'succeeded'))
    for (const { id } of jobs) expect((await client.bytes(`/jobs/${id}/outputs/0`)).length).toBeGreaterThan(50)
  } finally {
    await program[Symbol.asyncDispose]()
    await simulator.close()
  }
})
