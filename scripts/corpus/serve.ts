import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pino from 'pino'
import { z } from 'zod'
import { compose } from '../../src/compose.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { exportName } from '../../src/workflows/exports/export-name.ts'

const workflowsSchema = z.object({ problems: z.array(z.object({ file: z.string(), reason: z.string() })) })
const operationSchema = z.looseObject({
  requestBody: z.object({
    content: z.looseObject({
      'application/json': z.looseObject({
        examples: z.looseObject({ minimal: z.object({ value: z.unknown() }) }).optional(),
      }),
    }),
  }),
})
const documentSchema = z.object({ paths: z.record(z.string(), z.looseObject({ post: z.unknown().optional() })) })
const resultSchema = z.looseObject({ outputs: z.array(z.looseObject({ content_type: z.string() })) })

const answerTimeoutMs = 120_000
/** Requests at the same moment: the simulator runs one after the other, and others are read and answered meanwhile. */
const lanes = 4

/**
 * Serves every file of the editor in the corpus from one folder, against the simulator, and asks for each workflow with
 * the smallest body that its documentation shows. Prints what is not served and why, what does not answer with 200, and
 * last the figures.
 * @returns whether everything that is served answered
 */
export async function serveTemplates(folder: string): Promise<boolean> {
  const place = await mkdtemp(join(tmpdir(), 'corpus-'))
  try {
    const files = (await readdir(join(folder, 'templates'))).filter((file) => file.endsWith('.ui.json'))
    const workflows = join(place, 'workflows')
    await mkdir(workflows)
    for (const file of files) await copyFile(join(folder, 'templates', file), join(workflows, file))
    return await serve(workflows, join(place, 'data'), files)
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

async function serve(workflows: string, data: string, files: readonly string[]): Promise<boolean> {
  const startedMs = performance.now()
  const { config } = loadConfig(
    {
      PORT: '0',
      COMFYUI_API_DATA_DIR: data,
      COMFYUI_API_DEMO: 'true',
      COMFYUI_API_DEMO_STEP_MS: '0',
      COMFYUI_API_JOB_STORE: 'memory',
      COMFYUI_API_WATCH: 'off',
      COMFYUI_API_DRAIN_SECONDS: '0',
      WORKFLOW_DIR: workflows,
    },
    {},
  )
  const gateway = await compose(config, { logger: pino({ level: 'silent' }) })
  try {
    const { url } = await gateway.listen()
    await untilReady(url)
    const readySeconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    const { problems } = workflowsSchema.parse(await readJson(`${url}/workflows`))
    for (const { file, reason } of problems) console.log(`not served: ${file}: ${reason}`)
    const document = await readJson(`${url}/openapi.json`)
    const { paths } = documentSchema.parse(document)
    const flaws = await lint(document, dirname(data))
    for (const flaw of flaws) console.log(`openapi.json: ${flaw}`)
    const names = files.flatMap((file) => exportName(file, new Set()).name ?? [])
    const served = names.filter((name) => paths[`/${name}`] !== undefined)
    const answers = await inLanes(served, (name) => ask(url, name, paths[`/${name}`]?.post))
    const failures = answers.filter(({ failure }) => failure !== undefined)
    for (const { name, failure } of failures) console.log(`${name}: ${failure}`)
    const kinds = Map.groupBy(
      answers.flatMap(({ mediaTypes }) => mediaTypes),
      (mediaType) => mediaType,
    )
    console.log([...kinds].map(([kind, { length }]) => `${length} ${kind}`).join(', '))
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
    console.log(
      `${files.length} files, ${served.length} served, ${served.length - failures.length} answered 200, ` +
        `${problems.length} not served; ready after ${readySeconds} s, all after ${seconds} s`,
    )
    return failures.length + flaws.length === 0 && served.length + problems.length >= files.length
  } finally {
    await gateway.close()
  }
}

const reportSchema = z.object({
  problems: z.array(z.object({ message: z.string(), location: z.array(z.object({ pointer: z.string().optional() })) })),
})

/** What redocly has against an OpenAPI document. That a WebSocket answers 101 is no flaw. */
async function lint(document: unknown, place: string): Promise<readonly string[]> {
  const file = join(place, 'openapi.json')
  await writeFile(file, JSON.stringify(document))
  const cli = join(dirname(createRequire(import.meta.url).resolve('@redocly/cli/package.json')), 'bin/cli.js')
  const rules = ['--extends=recommended', '--skip-rule=operation-2xx-response']
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  execFile(
    process.execPath,
    [cli, 'lint', file, ...rules, '--format=json'],
    {
      cwd: place,
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
    },
    // With flaws it fails, and says them all the same.
    (error, stdout) => (stdout === '' ? reject(error ?? new Error('redocly says nothing')) : resolve(stdout)),
  )
  const { problems } = reportSchema.parse(JSON.parse(await promise))
  return problems.map(({ message, location }) => `${message} ${location[0]?.pointer ?? ''}`)
}

async function untilReady(url: string): Promise<void> {
  const deadlineMs = performance.now() + answerTimeoutMs
  while (!(await fetch(`${url}/ready`)).ok) {
    if (performance.now() > deadlineMs) throw new Error('the gateway does not become ready')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

interface Answer {
  readonly name: string
  readonly failure: string | undefined
  readonly mediaTypes: readonly string[]
}

async function ask(url: string, name: string, operation: unknown): Promise<Answer> {
  const read = operationSchema.safeParse(operation)
  const body = read.data?.requestBody.content['application/json'].examples?.minimal.value
  if (body === undefined) return { name, failure: 'its documentation has no smallest example', mediaTypes: [] }
  try {
    const response = await fetch(`${url}/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(answerTimeoutMs),
    })
    const text = await response.text()
    if (response.status !== 200) return { name, failure: `${response.status} ${text.slice(0, 1000)}`, mediaTypes: [] }
    const { outputs } = resultSchema.parse(JSON.parse(text))
    // What ComfyUI itself only shows in the browser is no output.
    if (outputs.length === 0) return { name, failure: undefined, mediaTypes: ['nothing but a view'] }
    const mediaTypes = outputs.map((output) => output.content_type)
    return { name, failure: undefined, mediaTypes }
  } catch (error) {
    return { name, failure: error instanceof Error ? error.message : String(error), mediaTypes: [] }
  }
}

async function inLanes<Item, Result>(
  items: readonly Item[],
  run: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const queue = items.values()
  const lane = async (): Promise<void> => {
    for (const item of queue) results.push(await run(item))
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return results
}

async function readJson(url: string): Promise<unknown> {
  return (await fetch(url)).json()
}
