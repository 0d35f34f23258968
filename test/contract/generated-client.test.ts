import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createClient } from '@hey-api/openapi-ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { answerAtOnce, startTestApp, type TestApp } from '../support/start-test-app.ts'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

let gateway: TestApp
let folder: string

/** What a user of the generated client would write. */
const program = `
import { writeFileSync } from 'node:fs'
import { client } from './client/client.gen.js'
import { describeTestTxt2Img, getJob, getJobOutput, runTestImg2Img, runTestTxt2Img } from './client/sdk.gen.js'

client.setConfig({ baseUrl: process.argv[2] ?? '' })

const { data: result } = await runTestTxt2Img({ body: { prompt: 'a lighthouse', width: 64 }, throwOnError: true })
// After a long wait there would be a job that goes on.
if (!('images' in result)) throw new Error('no result yet')
const { data: job } = await getJob({ path: { id: result.id }, throwOnError: true })
const { data: bytes } = await getJobOutput({ path: { id: result.id, index: '0' }, throwOnError: true })
const { data: enveloped } = await runTestTxt2Img({ body: { input: { prompt: 'b' }, previews: true }, throwOnError: true })
const { data: fromImage } = await runTestImg2Img({ body: { image: result.images[0] ?? '' }, throwOnError: true })
const { data: described } = await describeTestTxt2Img({ throwOnError: true })
const { error } = await runTestTxt2Img({ body: { prompt: '' } })
writeFileSync(process.argv[3] ?? '', JSON.stringify({
  images: result.images,
  job: job.id === result.id && job.outputs.length,
  bytes: Buffer.from(await bytes.arrayBuffer()).toString('base64'),
  enveloped: enveloped.status,
  fromImage: fromImage.workflow,
  described: described.name,
  problem: error !== undefined && error.code,
}))
`

beforeAll(async () => {
  gateway = await startTestApp()
  // Below this folder, so that the client finds the types of Node.
  folder = await mkdtemp(path.join(path.dirname(fileURLToPath(import.meta.url)), '.generated-'))
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

test('a client generated from the document compiles strictly, and runs the main job', async () => {
  const picture = randomBytes(500)
  answerAtOnce(gateway, picture)
  const document = path.join(folder, 'openapi.json')
  await writeFile(document, await (await fetch(`${gateway.url}/openapi.json`)).text())
  await createClient({
    input: document,
    output: { path: path.join(folder, 'client'), module: { extension: '.js' } },
    plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
    logs: { level: 'silent', file: false },
  })
  await writeFile(path.join(folder, 'program.ts'), program)
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  await mkdir(path.join(folder, 'out'))
  const options = {
    target: 'es2024',
    module: 'nodenext',
    strict: true,
    skipLibCheck: true,
    outDir: 'out',
    types: ['node'],
  }
  await writeFile(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['program.ts'] }),
  )
  const compiled = await run(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', folder]).catch(
    (error: unknown) => z.looseObject({ stdout: z.string() }).parse(error),
  )
  expect(compiled.stdout).toBe('')

  const answers = path.join(folder, 'answers.json')
  await run(process.execPath, [path.join(folder, 'out/program.js'), gateway.url, answers])
  const { default: told } = await import(answers, { with: { type: 'json' } })
  expect(told).toEqual({
    images: [picture.toString('base64')],
    job: 1,
    bytes: picture.toString('base64'),
    enveloped: 'succeeded',
    fromImage: 'test/img2img',
    described: 'test/txt2img',
    problem: 'validation_error',
  })
  expect(gateway.jobs.requests.map((request) => request.previews)).toEqual([false, true, false])
})
