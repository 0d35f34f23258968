import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { pngChunk, pngOf } from '../support/make-media.ts'
import { PacedFile, setRawStage } from '../support/raw-stage.ts'
import { onePicture, type ScriptedAnswer } from '../support/scripted-comfyui.ts'

/* An instance that ran a job well and then does not give what it made. */
vi.setConfig({ maxConcurrency: 10 })

const large = pngOf(pngChunk('IDAT', randomBytes(3_000_000)))
const small = pngOf(pngChunk('IDAT', randomBytes(3000)))
const page = '<!DOCTYPE html>\n<html><body>Sign in</body></html>'
const largePage = `${page}<!--${'-'.repeat(2_000_000)}-->`

/** Cut off after the head of the answer, or in the middle of it. */
function cut(file: Buffer, atBytes: number, announcesSize: boolean): () => ScriptedAnswer {
  const paced = new PacedFile(file, { announcesSize })
  return () => paced.stopAt(atBytes, 'break').answer()
}

const faults: readonly (readonly [string, () => ScriptedAnswer, string])[] = [
  ['no bytes', () => ({ bytes: Buffer.alloc(0), contentType: 'image/png' }), 'upstream_error'],
  ['no file', () => ({ status: 404, text: '404: Not Found' }), 'upstream_error'],
  ['trouble', () => ({ status: 500, text: 'Server got itself in trouble' }), 'upstream_error'],
  ['a page', () => ({ bytes: Buffer.from(page), contentType: 'text/html' }), 'upstream_error'],
  [
    'a page that says it is a picture',
    () => ({ bytes: Buffer.from(page), contentType: 'image/png' }),
    'upstream_error',
  ],
  ['a large page', () => ({ bytes: Buffer.from(largePage), contentType: 'text/html' }), 'upstream_error'],
  ['a message', () => ({ text: 'upstream connect error' }), 'upstream_error'],
  ['JSON', () => ({ json: { error: 'no such file' } }), 'upstream_error'],
  ['half a file', cut(small, 1000, true), 'instance_lost'],
  ['half a file of unknown length', cut(small, 1000, false), 'instance_lost'],
  ['nothing behind the head of a large file', cut(large, 0, true), 'instance_lost'],
]

test.concurrent.each(faults)('%s once costs the caller nothing', async (_what, answer) => {
  await using stage = await setRawStage()
  let calls = 0
  stage.comfyui.on('GET /view', () => (++calls === 1 ? answer() : { bytes: small, contentType: 'image/png' }))
  stage.comfyui.runsAlone = true
  const response = await stage.call().response
  expect([response.statusCode, (await buffer(response)).equals(small)]).toEqual([200, true])
  const job = await stage.started.ended({ id: String(response.headers['job-id']) })
  expect([job.attempt, job.outputs[0]?.sizeBytes]).toEqual([1, small.length])
  expect(await stage.leftovers()).toEqual([])
})

test.concurrent.each(faults)('%s for ever is an error, and never a result', async (_what, answer, code) => {
  await using stage = await setRawStage({ jobLimits: { maxAttempts: 1 } })
  stage.comfyui.on('GET /view', answer)
  stage.comfyui.runsAlone = true
  const response = await stage.call().response
  expect(response.statusCode).toBe(502)
  expect(JSON.parse((await buffer(response)).toString())).toMatchObject({ code })
  const job = await stage.started.ended({ id: String(response.headers['job-id']) })
  expect(job).toMatchObject({ state: 'failed', outputs: [], error: { code } })
  expect(await stage.leftovers()).toEqual([])
  expect(readdirSync(stage.directory)).toEqual([])
})

test.concurrent('a picture is one whatever it is announced as', async () => {
  await using stage = await setRawStage()
  stage.comfyui.on('GET /view', () => ({ bytes: small, contentType: 'text/html' }))
  const caller = stage.call()
  const prompt = await stage.comfyui.nextPrompt()
  prompt.run(onePicture)
  const response = await caller.response
  expect(response.headers['content-type']).toBe('image/png')
  expect((await buffer(response)).equals(small)).toBe(true)
})
