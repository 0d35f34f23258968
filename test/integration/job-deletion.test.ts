import { expect, test } from 'vitest'
import type { JobRequest } from '../../src/jobs/jobs.ts'
import { onePicture, ScriptedComfyui } from '../support/scripted-comfyui.ts'
import { startJobs } from '../support/start-jobs.ts'

const generous = { timeout: 30_000 }

/** A job that runs on a server which does not stop it. */
async function startStubbornJob(changes: Partial<JobRequest> = {}) {
  const stack = new AsyncDisposableStack()
  const comfyui = stack.use(await new ScriptedComfyui().listen())
  comfyui.on('POST /jobs/:id/cancel', () => ({ json: { cancelled: true } }))
  const started = stack.use(await startJobs([comfyui]))
  const { id } = await started.submit(changes)
  const prompt = await comfyui.nextPrompt()
  prompt.begin()
  await expect.poll(() => started.jobs.get(id)?.state, generous).toBe('running')
  return { ...started, comfyui, prompt, id, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

test('a job that ComfyUI does not stop in time is shown until it has ended, and then gone', async () => {
  await using stubborn = await startStubbornJob()
  const { jobs, prompt, comfyui, id } = stubborn
  expect(await jobs.delete(id, { timeoutMs: 0 })).toMatchObject({ id, state: 'canceling', isUnwanted: true })
  await comfyui.requested('POST /jobs/:id/cancel')
  expect(jobs.list({ limit: 10 }).map((job) => job.id)).toEqual([id])
  prompt.interrupt()
  await expect.poll(() => jobs.get(id), generous).toBeUndefined()
  expect(jobs.list({ limit: 10 })).toEqual([])
  expect(stubborn.told.at(-1)).toMatchObject({ id, state: 'canceled' })
  expect(stubborn.faults).toEqual([])
})

test('all who delete a job, or wait for it, are told when it is gone', async () => {
  await using stubborn = await startStubbornJob()
  const { jobs, prompt, comfyui, id } = stubborn
  const events: string[] = []
  jobs.subscribe(id, undefined, ({ type }) => events.push(type))
  const waiting = jobs.wait(id, { timeoutMs: 600_000 })
  const deletions = [1, 2, 3].map(() => jobs.delete(id, { timeoutMs: 600_000 }))
  await comfyui.requested('POST /jobs/:id/cancel')
  prompt.interrupt()
  expect(await Promise.all(deletions)).toEqual([undefined, undefined, undefined])
  expect((await waiting).state).toBe('canceled')
  expect(events.at(-1)).toBe('end')
  expect(() => jobs.subscribe(id, undefined, () => {})).toThrow(expect.objectContaining({ code: 'job_not_found' }))
  await expect(jobs.delete(id, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'job_not_found' })
})

test('a job that succeeds while it is deleted leaves nothing behind', async () => {
  await using stubborn = await startStubbornJob()
  const { jobs, prompt, comfyui, id } = stubborn
  const deletion = jobs.delete(id, { timeoutMs: 600_000 })
  await comfyui.requested('POST /jobs/:id/cancel')
  prompt.finish(onePicture)
  expect(await deletion).toBeUndefined()
  expect(stubborn.told.at(-1)?.state).toBe('succeeded')
  expect(stubborn.removedOutputs).toEqual([[id, 1]])
  expect(jobs.get(id)).toBeUndefined()
})

test('nobody is given a job that is being deleted: its id and its key are free when it is gone', async () => {
  const asked = { chosenId: { id: 'mine', fingerprint: 'f' }, idempotency: { key: 'k', fingerprint: 'f' } }
  await using stubborn = await startStubbornJob(asked)
  const { jobs, prompt, comfyui } = stubborn
  expect(await jobs.delete('mine', { timeoutMs: 0 })).toMatchObject({ isUnwanted: true })
  await comfyui.requested('POST /jobs/:id/cancel')
  const refused = { code: 'idempotency_conflict', retryAfterSeconds: 1 }
  const { chosenId, idempotency } = asked
  await expect(stubborn.submit({ chosenId })).rejects.toMatchObject(refused)
  await expect(stubborn.submit({ chosenId: { id: 'mine', fingerprint: 'g' } })).rejects.toMatchObject(refused)
  await expect(stubborn.submit({ idempotency })).rejects.toMatchObject(refused)
  prompt.interrupt()
  await expect.poll(() => jobs.get('mine'), generous).toBeUndefined()
  expect(await stubborn.submit(asked)).toMatchObject({ id: 'mine', state: 'queued' })
})
