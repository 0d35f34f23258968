import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { assetSchema } from '../../src/http/schemas/asset.ts'
import { jobSchema } from '../../src/http/schemas/job.ts'
import { startGatewayProcess, type GatewayProcess } from '../chaos/gateway-process.ts'
import { createJudge, type Judge } from '../fuzz/judge-answer.ts'
import { readOpenApiDocument, type JsonSchema, type OpenApiDocument, type Operation } from '../fuzz/openapi-document.ts'
import { readProblem } from '../support/call-gateway.ts'
import { makePng } from '../support/make-image.ts'
import { makeDataDir } from '../support/start-gateway.ts'

const timeoutMs = 300_000
const jsonType = 'application/json'

let dataDir: string
let gateway: GatewayProcess
let url: string
let text: string
let document: OpenApiDocument
let judge: Judge

function startDemo(folder: string): GatewayProcess {
  return startGatewayProcess(['--demo', '--data-dir', folder], { COMFYUI_API_DEMO_STEP_MS: '0' })
}

beforeAll(async () => {
  dataDir = await makeDataDir()
  gateway = startDemo(dataDir)
  url = await gateway.ready
  text = await (await fetch(`${url}/openapi.json`)).text()
  document = readOpenApiDocument(JSON.parse(text))
  judge = createJudge(document)
}, timeoutMs)
afterAll(async () => {
  await gateway.stop()
  await rm(dataDir, { recursive: true, force: true })
}, timeoutMs)

const idSchema = z.object({ data: z.tuple([z.looseObject({ id: z.string() })]).rest(z.unknown()) })

/** The path of an operation, its parameters filled with what the server has. */
async function pathOf({ path }: Operation): Promise<string> {
  if (path.startsWith('/jobs/{id}')) return path.replace('{id}', await endedJob()).replace('{index}', '0')
  if (path.startsWith('/instances/{id}')) {
    const { data } = idSchema.parse(await (await fetch(`${url}/instances`)).json())
    return path.replace('{id}', data[0].id)
  }
  if (path.startsWith('/assets/{id}')) return path.replace('{id}', await someAsset())
  return path.replace('{name}', 'qwen/qwen_base_txt2img')
}

async function someAsset(): Promise<string> {
  const response = await fetch(`${url}/assets`, { method: 'POST', body: makePng() })
  return assetSchema.parse(await response.json()).id
}

async function endedJob(): Promise<string> {
  const body = JSON.stringify({ prompt: 'a', width: 64, height: 64, steps: 1 })
  const response = await fetch(`${url}/sd15/txt2img`, { method: 'POST', headers: { 'content-type': jsonType }, body })
  const answer: unknown = await response.json()
  expect(response.status, JSON.stringify(answer)).toBe(200)
  return jobSchema.parse(answer).id
}

/** Bodies that the document shows for an operation. */
function exampleBodies({ requestBody }: Operation): unknown[] {
  const { examples = {}, example } = requestBody?.content[jsonType] ?? {}
  return [...Object.values(examples).map(({ value }) => value), example].filter((value) => value !== undefined)
}

async function expectAsDocumented(operation: Operation, response: Response): Promise<void> {
  const bytes = Buffer.from(await response.arrayBuffer())
  const answer = { status: response.status, headers: Object.fromEntries(response.headers), bytes, isCut: false }
  expect(judge.judge(operation, operation.method, answer)).toEqual([])
}

describe('in the demo', () => {
  test(
    'every example of a body works, or the node pack that it needs is named',
    async () => {
      const withExamples = document.operations.filter((operation) => exampleBodies(operation).length > 0)
      const names = withExamples.map(({ operationId }) => operationId)
      expect(names).toEqual(expect.arrayContaining(['runQwenBaseTxt2img', 'runPrompt', 'renderWorkflow', 'retryJob']))
      const unavailable = new Set<string>()
      for (const operation of withExamples) {
        for (const example of exampleBodies(operation)) {
          const response = await fetch(url + (await pathOf(operation)), {
            method: operation.method,
            headers: { 'content-type': jsonType },
            body: JSON.stringify(example),
          })
          if (response.status === 503) {
            const { code, detail } = await readProblem(response)
            expect(code).toBe('workflow_unavailable')
            expect(detail).toContain('is in the node pack ')
            unavailable.add(operation.operationId)
          } else {
            expect(response.ok, `${operation.operationId} ${JSON.stringify(example)}`).toBe(true)
            await expectAsDocumented(operation, response)
          }
        }
      }
      expect([...unavailable].sort()).toEqual(['runSdxlAuthenticPortraits', 'runSdxlFaceDetailUpscaler'])
    },
    timeoutMs,
  )

  test(
    'every GET answers as documented',
    async () => {
      // The one never ends, and the others are no requests for an answer.
      const others = ['followAll', 'followAllBySocket', 'followJobBySocket']
      for (const operation of document.operations) {
        if (operation.method !== 'GET' || others.includes(operation.operationId)) continue
        const response = await fetch(url + (await pathOf(operation)))
        expect(response.status, operation.operationId).toBe(200)
        await expectAsDocumented(operation, response)
      }
    },
    timeoutMs,
  )

  test(
    'another process has the same document',
    async () => {
      const folder = await makeDataDir()
      const other = startDemo(folder)
      try {
        expect(await (await fetch(`${await other.ready}/openapi.json`)).text()).toBe(text)
      } finally {
        await other.stop()
        await rm(folder, { recursive: true, force: true })
      }
    },
    timeoutMs,
  )
})

describe('an example in the document', () => {
  test('of an answer is as its schema says', () => {
    const checked = document.operations.flatMap((operation) =>
      Object.entries(operation.responses).flatMap(([status, { content = {} }]) =>
        Object.entries(content).flatMap(([contentType, { example }]) => {
          if (example === undefined || contentType === 'text/event-stream') return []
          const headers = { 'content-type': contentType, 'x-request-id': 'a' }
          const bytes = Buffer.from(JSON.stringify(example))
          const faults = judge.judge(operation, 'POST', { status: Number(status), headers, bytes, isCut: false })
          if (contentType.includes('problem')) expect(example).toMatchObject({ status: Number(status) })
          return [{ operation: operation.operationId, status, faults }]
        }),
      ),
    )
    expect(checked.length).toBeGreaterThan(100)
    expect(checked.filter(({ faults }) => faults.length > 0)).toEqual([])
  })

  test('of a schema is as it says, fields of forms included', () => {
    const checked = schemasIn(JSON.parse(text)).flatMap(({ at, schema }) =>
      schema.examples.map((example) => ({ at, example, isTaken: takes(schema, example) })),
    )
    expect(checked.map(({ at }) => at)).toContain('/components/schemas/Job')
    expect(checked.filter(({ isTaken }) => !isTaken)).toEqual([])
  })
})

function takes(schema: JsonSchema, value: unknown): boolean {
  const [some] = document.operations
  if (some === undefined) throw new Error('the document has no operation')
  return judge.allows({ ...some, requestBody: { required: true, content: { [jsonType]: { schema } } } }, value)
}

type SchemaWithExamples = Readonly<Record<string, unknown>> & { readonly examples: readonly unknown[] }

/** Every schema that has examples, with its place. Examples of media types are no lists. */
function schemasIn(value: unknown, at = ''): { at: string; schema: SchemaWithExamples }[] {
  if (typeof value !== 'object' || value === null) return []
  const inside = Object.entries(value).flatMap(([key, member]) => schemasIn(member, `${at}/${key}`))
  const { examples } = value as { examples?: unknown }
  return Array.isArray(examples) ? [{ at, schema: { ...value, examples } }, ...inside] : inside
}
