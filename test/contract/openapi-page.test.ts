import { expect, test } from 'vitest'
import { z } from 'zod'
import { startTestApp, type TestApp } from '../support/start-test-app.ts'

const parameterSchema = z.looseObject({
  name: z.string(),
  in: z.string(),
  description: z.string(),
  schema: z.looseObject({}),
})
const documentSchema = z.looseObject({
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  components: z.looseObject({ securitySchemes: z.record(z.string(), z.unknown()).optional() }),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        summary: z.string(),
        tags: z.array(z.string()),
        parameters: z.array(parameterSchema).optional(),
      }),
    ),
  ),
})

async function fetchDocument(gateway: TestApp, headers: Record<string, string> = {}) {
  return documentSchema.parse(await (await fetch(`${gateway.url}/openapi.json`, { headers })).json())
}

const key = 'a-key-of-at-least-32-characters-000'

test('workflows come first, by family, then the rest in a fixed order', async () => {
  await using gateway = await startTestApp()
  const { tags, paths } = await fetchDocument(gateway)
  const names = tags.map(({ name }) => name)
  expect(names).toEqual(['test', 'workflows', 'prompt', 'jobs', 'events', 'outputs', 'assets', 'models', 'server'])
  expect(tags[0]?.description).toBe('3 workflows. test/has-input; test/img2img; Test, text to image.')
  const places = Object.values(paths).flatMap((item) =>
    Object.values(item).map(({ tags: [tag = ''] }) => names.indexOf(tag)),
  )
  expect(places).toEqual(places.toSorted((a, b) => a - b))
})

test('a group without operations is not there', async () => {
  await using gateway = await startTestApp({ security: { takesRawPrompts: false } })
  const { tags } = await fetchDocument(gateway)
  expect(tags.map(({ name }) => name)).not.toContain('prompt')
})

test('keys are spoken of where they are needed, and nowhere else', async () => {
  await using open = await startTestApp()
  const without = await fetchDocument(open)
  expect(without.security).toEqual([])
  expect(without.components.securitySchemes).toBeUndefined()

  await using closed = await startTestApp({ security: { apiKeys: [key] } })
  const withKey = await fetchDocument(closed, { authorization: `Bearer ${key}` })
  expect(withKey.security).toEqual([{ bearerAuth: [] }, { apiKeyAuth: [] }])
  expect(Object.keys(withKey.components.securitySchemes ?? {})).toEqual(['bearerAuth', 'apiKeyAuth'])
})

test('no option of a run is filled in by a page: its default is told in words', async () => {
  await using gateway = await startTestApp()
  const { paths } = await fetchDocument(gateway)
  for (const path of ['/test/txt2img', '/prompt', '/jobs/{id}/retry']) {
    const parameters = (paths[path]?.['post']?.parameters ?? []).filter((parameter) => parameter.in !== 'path')
    expect(parameters.length).toBeGreaterThan(5)
    for (const { name, schema } of parameters) {
      expect(Object.keys(schema), name).not.toContain('default')
      expect(Object.keys(schema).join(), name).not.toMatch(/example/)
      expect(schema['type'], name).not.toBe('object')
    }
  }
  const priority = paths['/test/txt2img']?.['post']?.parameters?.find(({ name }) => name === 'Job-Priority')
  expect(priority?.description).toContain('Default: `0`')
})

test('summaries fit on a line', async () => {
  await using gateway = await startTestApp()
  const { paths } = await fetchDocument(gateway)
  for (const { summary } of Object.values(paths).flatMap((item) => Object.values(item))) {
    expect(summary.length, summary).toBeLessThan(50)
  }
})
