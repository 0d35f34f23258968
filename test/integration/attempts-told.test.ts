import { expect, test } from 'vitest'
import { onePicture, ScriptedComfyui } from '../support/scripted-comfyui.ts'
import { startJobs } from '../support/start-jobs.ts'

/* What operators are told of a job's time on instances, and what ComfyUI is told of a job. */

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const outOfMemory = { exception_type: 'torch.OutOfMemoryError', exception_message: 'Allocation on device 0 failed\n' }

test('a prompt carries its job, request and trace, and nothing that gets into files', async () => {
  await using comfyui = await new ScriptedComfyui({ runsAlone: true }).listen()
  await using stage = await startJobs([comfyui])
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
  const job = await stage.submit({ workflow: 'qwen/txt2img', requestId: 'r-7', traceparent })
  await stage.ended(job)
  expect(comfyui.prompts[0]?.request['extra_data']).toEqual({
    preview_method: 'none',
    comfyui_api: { job_id: job.id, request_id: 'r-7', workflow: 'qwen/txt2img', trace_id: traceId },
  })
  await stage.ended(await stage.submit())
  expect(comfyui.prompts[1]?.request['extra_data']).toMatchObject({ comfyui_api: { request_id: 'r' } })
  expect(comfyui.prompts[1]?.request['extra_data']).not.toHaveProperty('comfyui_api.trace_id')
})

test('a good attempt is told with its times in order', async () => {
  await using comfyui = await new ScriptedComfyui({ runsAlone: true }).listen()
  await using stage = await startJobs([comfyui])
  const job = await stage.ended(await stage.submit())
  expect(stage.attempts).toHaveLength(1)
  const { times, ...attempt } = stage.attempts[0] ?? expect.fail('no attempt was told')
  expect(attempt).toMatchObject({
    instance: new URL(comfyui.url).host,
    number: 1,
    isAdopted: false,
    outcome: 'succeeded',
    error: undefined,
    job: { id: job.id },
  })
  const order = [times.beganAtMs, times.submittedAtMs, times.executedAtMs, times.endedAtMs]
  expect(order.every((time) => typeof time === 'number')).toBe(true)
  expect(order.toSorted((left = 0, right = 0) => left - right)).toEqual(order)
  expect(times.startedAtMs).toBe(job.times.startedAtMs)
})

test('an attempt that ran out of memory and the one after it are both told', async () => {
  await using comfyui = await new ScriptedComfyui().listen()
  await using stage = await startJobs([comfyui])
  const job = await stage.submit()
  const first = await comfyui.nextPrompt()
  first.begin()
  first.fail(outOfMemory)
  const second = await comfyui.nextPrompt()
  second.run(onePicture)
  await stage.ended(job)
  expect(stage.attempts.map(({ number, outcome, error }) => [number, outcome, error?.code])).toEqual([
    [1, 'failed', 'out_of_memory'],
    [2, 'succeeded', undefined],
  ])
})

test('open jobs are counted by state, and those that wait for an instance among them', async () => {
  await using comfyui = await new ScriptedComfyui().listen()
  await using stage = await startJobs([comfyui])
  expect(stage.jobs.countOpen()).toEqual({
    queued: 0,
    running: 0,
    canceling: 0,
    waiting: 0,
    oldestWaitingSinceMs: undefined,
  })
  const jobs = [await stage.submit(), await stage.submit(), await stage.submit(), await stage.submit()]
  const first = await comfyui.nextPrompt()
  first.begin()
  await expect.poll(() => stage.jobs.countOpen().running).toBe(1)
  expect(stage.jobs.countOpen()).toEqual({
    queued: 3,
    running: 1,
    canceling: 0,
    waiting: 2,
    oldestWaitingSinceMs: jobs[2]?.times.createdAtMs,
  })
})
