import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createWorkflowRegistry } from '../../src/workflows/workflow-registry.ts'
import { fakeWorkflow, testWorkflows } from '../support/fake-workflows.ts'
import { startTestApp, type TestApp } from '../support/start-test-app.ts'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

const documentSchema = z.looseObject({
  openapi: z.literal('3.1.0'),
  info: z.looseObject({ title: z.string(), description: z.string() }),
  tags: z.array(z.looseObject({ name: z.string() })),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        operationId: z.string(),
        summary: z.string(),
        tags: z.array(z.string()).min(1),
        responses: z.record(z.string(), z.looseObject({ content: z.record(z.string(), z.unknown()).optional() })),
      }),
    ),
  ),
})

let gateway: TestApp
let folder: string

beforeAll(async () => {
  gateway = await startTestApp()
  folder = await mkdtemp(path.join(tmpdir(), 'openapi-'))
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function fetchDocument(from: TestApp = gateway) {
  const response = await fetch(`${from.url}/openapi.json`)
  return documentSchema.parse(await response.json())
}

const reportSchema = z.object({
  problems: z.array(
    z.object({
      message: z.string(),
      location: z.tuple([z.object({ pointer: z.string().optional() })]).rest(z.unknown()),
    }),
  ),
})

/**
 * What redocly has against the document of a server. Success is looked for by a test of ours instead: with a WebSocket it
 * is 101.
 */
async function lint(from: TestApp): Promise<string[]> {
  const file = path.join(folder, 'openapi.json')
  await writeFile(file, JSON.stringify(await fetchDocument(from), null, 1))
  const cli = path.join(path.dirname(require.resolve('@redocly/cli/package.json')), 'bin/cli.js')
  const environment = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const options = { cwd: folder, env: environment }
  const rules = ['--extends=recommended', '--skip-rule=operation-2xx-response']
  const { stdout } = await run(process.execPath, [cli, 'lint', file, ...rules, '--format=json'], options)
  const { problems } = reportSchema.parse(JSON.parse(stdout))
  return problems.map((problem) => `${problem.message} ${problem.location[0].pointer ?? ''}`)
}

describe('the OpenAPI document', () => {
  test('passes the recommended rules of redocly without an error or a warning', async () => {
    expect(await lint(gateway)).toEqual([])
  })

  test('of the shipped workflows passes them too', async () => {
    const registry = await createWorkflowRegistry({ folders: [path.resolve('workflows')], watch: 'off' })
    try {
      expect(registry.list().length).toBeGreaterThan(0)
      await using shipped = await startTestApp({ options: { registry } })
      expect(await lint(shipped)).toEqual([])
    } finally {
      await registry.close()
    }
  })

  test('is the same each time the modules are loaded: nothing in it was drawn at random', async () => {
    const documents = []
    for (let time = 0; time < 2; time++) {
      const registry = await createWorkflowRegistry({ folders: [path.resolve('workflows')], watch: 'off' })
      try {
        await using shipped = await startTestApp({ options: { registry } })
        const descriptions = registry.list().map(async ({ name }): Promise<unknown> => {
          return (await fetch(`${shipped.url}/workflows/${name}`)).json()
        })
        documents.push([await fetchDocument(shipped), ...(await Promise.all(descriptions))])
      } finally {
        await registry.close()
      }
    }
    expect(documents[1]).toEqual(documents[0])
    expect(JSON.stringify(documents[0])).toContain('"seed"')
  })

  test('has every route that is registered, and every workflow', async () => {
    const registered = new Set<string>()
    await using watched = await startTestApp({ onRoute: (method, url) => registered.add(`${method} ${url}`) })
    const { paths } = await fetchDocument(watched)
    const documented = new Set(
      Object.entries(paths).flatMap(([url, item]) =>
        Object.keys(item).map((method) => `${method.toUpperCase()} ${url}`),
      ),
    )
    const expected = [...registered].flatMap((route) => {
      const [method = '', url = ''] = route.split(' ')
      if (method === 'HEAD' || url === '/docs' || url.startsWith('/docs/')) return []
      // The same as `/workflows/:name…`, with the slashes of the name as they are.
      if (url === '/workflows/*') return []
      if (url === '/*') return testWorkflows.map((workflow) => `${method} /${workflow.name}`)
      return [`${method} ${url.replace(/:(\w+)/g, '{$1}')}`]
    })
    expect(documented).toEqual(new Set(expected))
  })

  test('names each operation once, and tells its success and its problems', async () => {
    const { paths, tags } = await fetchDocument()
    const operations = Object.values(paths).flatMap((item) => Object.values(item))
    expect(new Set(operations.map((operation) => operation.operationId)).size).toBe(operations.length)
    const known = new Set(tags.map((tag) => tag.name))
    for (const { operationId, tags: used, responses } of operations) {
      expect(
        used.every((tag) => known.has(tag)),
        operationId,
      ).toBe(true)
      expect(
        Object.keys(responses).some((status) => status.startsWith('2') || status === '101'),
        operationId,
      ).toBe(true)
      for (const [status, { content }] of Object.entries(responses)) {
        if (Number(status) < 400 || (operationId === 'getReadiness' && status === '503')) continue
        expect(Object.keys(content ?? {}), `${operationId} ${status}`).toEqual(['application/problem+json'])
      }
    }
  })

  test('describes a workflow with its parameters, both body forms, files, pictures and events', async () => {
    const { paths, components } = await fetchDocument()
    const operation = paths['/test/img2img']?.['post']
    expect(operation).toMatchObject({
      operationId: 'runTestImg2img',
      tags: ['test'],
      requestBody: {
        content: {
          'application/json': {
            schema: { anyOf: [{ $ref: '#/components/schemas/TestImg2imgInput' }, { required: ['input'] }] },
          },
          'multipart/form-data': {
            schema: {
              properties: {
                image: { type: 'string', contentMediaType: 'application/octet-stream' },
                references: { type: 'array', items: { contentMediaType: 'application/octet-stream' } },
              },
            },
          },
        },
      },
    })
    expect(Object.keys(operation?.responses['200']?.content ?? {})).toEqual([
      'application/json',
      'image/*',
      'video/*',
      'audio/*',
      'text/event-stream',
    ])
    expect(components.schemas['TestImg2imgInput']).toMatchObject({ type: 'object', additionalProperties: false })
  })

  test('lists the names of its outputs where a workflow gives them', async () => {
    await using changing = await startTestApp()
    const named = fakeWorkflow('new/named', {}, { definition: { outputs: { picture: '9', mask: '12' } } })
    changing.registry.replace([named, fakeWorkflow('new/plain', {})])
    const { paths, components } = await fetchDocument(changing)
    const resultOf = (path: string) => paths[path]?.['post']?.responses['200']?.content?.['application/json']
    expect(resultOf('/new/plain')).toEqual({ schema: { $ref: '#/components/schemas/Result' } })
    expect(resultOf('/new/named')).toEqual({ schema: { $ref: '#/components/schemas/NewNamedResult' } })
    const name = { type: ['string', 'null'], enum: ['picture', 'mask', null], description: expect.any(String) }
    const output = { allOf: [{ $ref: '#/components/schemas/JobOutput' }, { type: 'object', properties: { name } }] }
    expect(components.schemas['NewNamedResult']).toMatchObject({
      allOf: [
        { $ref: '#/components/schemas/Result' },
        { type: 'object', properties: { outputs: { type: 'array', items: output } } },
      ],
    })
  })

  test('follows the registry, and loses nothing but the entry of a schema that cannot be written', async () => {
    await using changing = await startTestApp()
    const before = await fetch(`${changing.url}/openapi.json`)
    const broken: Record<string, unknown> = { type: 'object', properties: {} }
    broken['properties'] = { self: broken }
    changing.registry.replace([
      fakeWorkflow('new/one', { prompt: z.string() }),
      { ...fakeWorkflow('new/broken', {}), inputJsonSchema: broken },
    ])
    const { paths, components } = await fetchDocument(changing)
    expect(Object.keys(paths)).toContain('/new/one')
    expect(Object.keys(paths)).not.toContain('/new/broken')
    expect(Object.keys(paths)).not.toContain('/test/txt2img')
    expect(Object.keys(components.schemas)).toContain('NewOneInput')
    const after = await fetch(`${changing.url}/openapi.json`)
    expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'))
    const again = await fetch(`${changing.url}/openapi.json`, {
      headers: { 'if-none-match': after.headers.get('etag') ?? '' },
    })
    expect([again.status, again.headers.get('content-length')]).toEqual([304, null])
  })

  test('keeps references of a recursive schema inside its component', async () => {
    await using changing = await startTestApp()
    const tree: z.ZodType = z
      .strictObject({ text: z.string(), children: z.array(z.lazy(() => tree)) })
      .meta({ id: 'Tree' })
    changing.registry.replace([fakeWorkflow('new/tree', { tree, other: tree })])
    const { components } = await fetchDocument(changing)
    const text = JSON.stringify(components.schemas['NewTreeInput'])
    for (const [, reference = ''] of text.matchAll(/"\$ref":"([^"]+)"/g)) {
      expect(reference).toMatch(/^#\/components\/schemas\/NewTreeInput\/\$defs\//)
    }
    expect(text).toContain('"$ref"')
  })

  test('says loudly that a demo is simulated', async () => {
    await using demo = await startTestApp({ about: { demo: true } })
    const { info } = await fetchDocument(demo)
    expect(info.title).toContain('SIMULATED')
    expect(info.description).toMatch(/^> \*\*SIMULATED/)
  })
})
