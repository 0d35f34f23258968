import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { createWorkflowRegistry } from '../../src/workflows/workflow-registry.ts'
import { type GatewayProcess, startGatewayProcess } from '../chaos/gateway-process.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { makePng } from '../support/make-image.ts'
import { nativeImport } from '../support/native-import.ts'

/*
 * Modules in the style of those that exist for Salad's comfyui-api, byte for byte as such a folder holds them, served by
 * the program as its users start it.
 */
const folder = fileURLToPath(new URL('../fixtures/existing-modules', import.meta.url))
const picture = makePng(8, 8).toString('base64')

/** Module → a request that says no more than it has to. */
const requests: Readonly<Record<string, object>> = {
  'flux/txt2img': { prompt: 'a box' },
  'portraits/studio/retouch': { image: picture, mask: picture },
  'sd1.5/inverted': { image: picture },
  'sd1.5/txt2img': { prompt: 'a box' },
  'sdxl/img2img': { prompt: 'a box', image: picture },
  'sdxl/styled': { prompt: 'a box' },
  'tools/contact_sheet': { images: [picture, picture] },
  'tools/solid': {},
}

const features: Readonly<Record<string, readonly string[]>> = {
  'Zod 3': ['sdxl/img2img', 'sdxl/styled', 'flux/txt2img'],
  'Zod 4': ['sd1.5/txt2img', 'sd1.5/inverted', 'portraits/studio/retouch', 'tools/contact_sheet', 'tools/solid'],
  'config.samplers and config.schedulers': ['sd1.5/txt2img', 'sdxl/img2img'],
  'config.models.<type>.all': ['sd1.5/txt2img', 'flux/txt2img', 'portraits/studio/retouch'],
  'config.models.<type>.enum': ['sdxl/img2img', 'sd1.5/inverted', 'tools/solid'],
  'config.warmupCkpt': ['sd1.5/txt2img', 'sdxl/img2img'],
  'types imported without the word `type`': ['sd1.5/txt2img', 'sdxl/styled', 'tools/contact_sheet'],
  'imports with an extension, and from deeper': ['tools/solid', 'sdxl/styled', 'portraits/studio/retouch'],
  'enums of TypeScript': ['sdxl/styled', 'tools/contact_sheet', 'sd1.5/inverted'],
  'async generateWorkflow': ['sdxl/styled', 'tools/contact_sheet', 'flux/txt2img'],
  'media as plain texts': ['sdxl/img2img', 'tools/contact_sheet', 'portraits/studio/retouch'],
  '.ts and .mts': ['sd1.5/txt2img', 'tools/contact_sheet'],
  '.js and .mjs': ['sd1.5/inverted', 'flux/txt2img', 'tools/solid'],
}

let server: GatewayProcess
let url: string
const dataDir = mkdtempSync(join(tmpdir(), 'existing-modules-'))
const client = createClient(() => url)

beforeAll(async () => {
  server = startGatewayProcess(['--demo', '--data-dir', dataDir], {
    WORKFLOW_DIR: folder,
    COMFYUI_API_SHIPPED_WORKFLOWS: 'false',
    COMFYUI_API_DEMO_STEP_MS: '0',
    COMFYUI_API_WARMUP_CHECKPOINT: 'sd_xl_base_1.0.safetensors',
  })
  url = await server.ready
  await vi.waitUntil(async () => (await fetch(`${url}/ready`)).status === 200, { timeout: 30_000, interval: 50 })
})
afterAll(async () => {
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const listSchema = z.looseObject({
  data: z.array(z.looseObject({ name: z.string() })),
  problems: z.array(z.unknown()),
})
const describedSchema = z.looseObject({
  summary: z.string().nullable(),
  media: z.array(z.looseObject({ path: z.array(z.string()), kind: z.string() })),
  input: z.looseObject({ properties: z.record(z.string(), z.record(z.string(), z.unknown())) }),
})

async function describeWorkflow(name: string): Promise<z.infer<typeof describedSchema>> {
  return describedSchema.parse(await (await fetch(`${url}/${name}`)).json())
}

test('all of WORKFLOW_DIR is served, without a problem', async () => {
  const list = listSchema.parse(await (await fetch(`${url}/workflows`)).json())
  expect(list.problems).toEqual([])
  expect(list.data.map(({ name }) => name).sort()).toEqual(Object.keys(requests))
})

test('each is in the OpenAPI document, with its summary', async () => {
  const document = z
    .looseObject({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
    .parse(await (await fetch(`${url}/openapi.json`)).json())
  for (const name of Object.keys(requests)) {
    const { summary } = await describeWorkflow(name)
    expect(document.paths[`/${name}`]?.['post']).toMatchObject({ summary: summary ?? name })
  }
})

describe.each(Object.entries(features))('%s', (_feature, names) => {
  test.each(names)('%s runs', async (name) => {
    const response = await client.post(`/${name}`, requests[name])
    const text = await response.text()
    expect([response.status, text.slice(0, 500)]).toEqual([200, expect.any(String)])
    expect(resultSchema.parse(JSON.parse(text)).images.length).toBeGreaterThan(0)
  })
})

describe('what instances have is what modules find in config.models', () => {
  const modelsOf = async (name: string, parameter: string) =>
    (await describeWorkflow(name)).input.properties[parameter]?.['enum']

  test.each([
    ['sdxl/img2img', 'checkpoint', 'sd_xl_base_1.0.safetensors'],
    ['sd1.5/inverted', 'upscale_model', '4x-UltraSharp.pth'],
    ['tools/solid', 'lora', 'flux1-depth-dev-lora.safetensors'],
  ])('%s lists %s as soon as it is known', async (name, parameter, model) => {
    await expect.poll(() => modelsOf(name, parameter)).toContain(model)
  })

  test('another one is refused by name, in both generations of Zod', async () => {
    for (const name of ['sdxl/img2img', 'sd1.5/inverted']) {
      const parameter = name === 'sdxl/img2img' ? 'checkpoint' : 'upscale_model'
      await expect.poll(() => modelsOf(name, parameter)).toBeDefined()
      const problem = await readProblem(await client.post(`/${name}`, { ...requests[name], [parameter]: 'none.pth' }))
      expect(problem.errors).toMatchObject([{ pointer: `/${parameter}`, code: 'invalid_value' }])
      expect(problem.detail).toMatch(/must be one of ".*; got "none.pth"/)
    }
  })

  test('so does a refinement of the module itself', async () => {
    await expect.poll(() => modelsOf('sd1.5/inverted', 'upscale_model')).toBeDefined()
    const body = { ...requests['portraits/studio/retouch'], model: 'none.pth' }
    const problem = await readProblem(await client.post('/portraits/studio/retouch', body))
    expect(problem.errors).toMatchObject([{ pointer: '/model', message: 'there is no upscale model none.pth' }])
  })

  test('a folder that no instance has takes any name', async () => {
    const response = await client.post('/tools/solid', { face_model: 'face.pt' })
    expect([response.status, (await response.text()).length > 0]).toEqual([200, true])
  })
})

describe('a module of Zod 3 gets what the typed route promises', () => {
  const refused: readonly (readonly [string, object, object[]])[] = [
    [
      'sdxl/img2img',
      { prompt: 'a box', image: picture, size: { widht: 64 } },
      [
        {
          pointer: '/size/widht',
          code: 'unknown_parameter',
          message: 'unknown parameter "widht"; did you mean "width"?',
        },
      ],
    ],
    [
      'sdxl/styled',
      { prompt: 'a', regions: [{ text: 'b' }, { text: 'c', strenght: 1 }] },
      [{ pointer: '/regions/1/strenght', code: 'unknown_parameter' }],
    ],
    [
      'sdxl/img2img',
      { prompt: 'a box', image: picture, denoise: 2, size: { width: 64.5 } },
      [
        { pointer: '/size/width', code: 'invalid_type', message: 'must be a whole number; got 64.5' },
        { pointer: '/denoise', code: 'too_big', message: 'must be at most 1; got 2' },
      ],
    ],
    [
      'sdxl/img2img',
      { prompt: 'ab', image: picture },
      [{ pointer: '/prompt', message: 'must have at least 3 characters; got 2' }],
    ],
    [
      'sdxl/img2img',
      { image: picture },
      [{ pointer: '/prompt', code: 'missing_parameter', message: 'say what to draw' }],
    ],
    ['flux/txt2img', {}, [{ pointer: '/prompt', code: 'missing_parameter', message: 'is required' }]],
    [
      'flux/txt2img',
      { prompt: 'a', aspect: 'potrait' },
      [
        {
          pointer: '/aspect',
          code: 'invalid_value',
          message: 'must be one of "square", "portrait"; got "potrait"; did you mean "portrait"?',
        },
      ],
    ],
    ['flux/txt2img', { prompt: 'a', aspect: 3 }, [{ pointer: '/aspect', code: 'invalid_value' }]],
    ['flux/txt2img', { prompt: 7 }, [{ pointer: '/prompt', code: 'invalid_type', message: 'must be a text; got 7' }]],
    ['sdxl/styled', { prompt: ' ' }, [{ pointer: '/prompt', message: 'the prompt is empty' }]],
    ['sdxl/styled', { prompt: 'a', shape: { kind: 'round' } }, [{ pointer: '/shape/kind', code: 'invalid_value' }]],
  ]

  test.each(refused)('%s refuses %j', async (name, body, errors) => {
    const response = await client.post(`/${name}`, body)
    expect(response.status).toBe(400)
    const problem = await readProblem(response)
    expect(problem.code).toBe('validation_error')
    expect(problem.errors).toMatchObject(errors)
  })

  test('its parameters are documented, defaults and all, but for random ones', async () => {
    const { input, media } = await describeWorkflow('sdxl/img2img')
    expect(media).toEqual([{ path: ['image'], kind: 'image' }])
    expect(input).toMatchObject({ required: ['prompt', 'image'], additionalProperties: false })
    expect(input.properties).toMatchObject({
      prompt: { type: 'string', minLength: 3, description: 'What to draw' },
      image: { anyOf: [{ type: 'string', format: 'byte', contentMediaType: 'image/*' }, { required: ['asset'] }] },
      size: {
        type: 'object',
        additionalProperties: false,
        properties: { height: { type: 'integer', minimum: 64, maximum: 1024, default: 96 } },
      },
      denoise: { default: 0.6 },
      seed: { type: 'integer' },
    })
    expect(input.properties['seed']).not.toHaveProperty('default')
  })

  test('media come as a form, too', async () => {
    const form = new FormData()
    form.set('prompt', 'a box')
    form.set('image', new Blob([makePng(8, 8)], { type: 'image/png' }), 'box.png')
    const response = await fetch(`${url}/sdxl/img2img`, { method: 'POST', body: form })
    const text = await response.text()
    expect([response.status, text.slice(0, 500)]).toEqual([200, expect.any(String)])
  })

  test('an object of Salad’s form is understood', async () => {
    const { images } = await client.run('/sdxl/styled', { input: { prompt: 'a box', style: 'drawing' } })
    expect(images).toHaveLength(1)
  })
})

test('defaults of both generations reach the graph', async () => {
  const registry = await createWorkflowRegistry({ folders: [folder], watch: 'off', importModule: nativeImport })
  try {
    const build = async (name: string, body: object) => {
      const workflow = registry.get(name)
      return workflow?.build(workflow.parse(body), { uploads: new Set(), filenamePrefix: 'test' })
    }
    expect(await build('sd1.5/txt2img', { prompt: 'a' })).toMatchObject({
      '3': { inputs: { text: 'blurry' } },
      '5': { inputs: { steps: 2, cfg: 7.5, sampler_name: 'euler', scheduler: 'normal' } },
    })
    expect(await build('sdxl/styled', { prompt: ' a ' })).toMatchObject({
      '2': { inputs: { text: 'a, photograph, 35 mm' } },
      '4': { inputs: { width: 64, height: 64 } },
      '5': { inputs: { steps: 1 } },
    })
    expect(registry.get('sd1.5/txt2img')?.inputJsonSchema).toMatchObject({
      properties: { checkpoint: { type: 'string', description: 'Model file' } },
      required: ['prompt'],
    })
  } finally {
    await registry.close()
  }
})
