import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { image } from '../../index.ts'
import { buildPrompt } from './build-prompt.ts'
import type { WorkflowGraph } from '../workflow-definition.ts'

const upload = 'gateway/abc.png'

/** Builds with parsed parameters, counting how often the graph is made. */
async function build<Output, Input>(
  schema: z.ZodType<Output, Input>,
  input: Input,
  graph: (input: Output) => WorkflowGraph,
): Promise<{ prompt: Prompt; builds: number }> {
  let builds = 0
  const prompt = await buildPrompt({
    schema,
    input: schema.parse(input),
    uploads: new Set([upload]),
    filenamePrefix: 'job/1',
    nodes: coreNode,
    generate: async (given) => {
      builds += 1
      return graph(schema.parse(given))
    },
  })
  return { prompt, builds }
}

const load = (name: unknown, classType = 'LoadImage', input = 'image'): WorkflowGraph => ({
  '1': { class_type: classType, inputs: { [input]: name } },
})
const unsafe = (text: string): object => ({ code: 'unsafe_prompt', detail: expect.stringContaining(text) })

describe('file-like inputs', () => {
  test('take uploads of the request, without building again', async () => {
    const schema = z.object({ picture: image(), prompt: z.string() })
    const { prompt, builds } = await build(schema, { picture: upload, prompt: 'x' }, (input) => load(input.picture))
    expect(prompt['1']?.inputs['image']).toBe(upload)
    expect(builds).toBe(1)
  })

  test('take an upload that is marked as an input', async () => {
    const schema = z.object({ picture: image() })
    const { builds } = await build(schema, { picture: upload }, (input) => load(`${input.picture} [input]`))
    expect(builds).toBe(1)
  })

  test('take the default of a parameter, which the module wrote', async () => {
    const schema = z.object({ picture: image().default('example.png').optional(), prompt: z.string() })
    const { prompt } = await build(schema, { prompt: 'example.png' }, (input) => load(input.picture ?? 'example.png'))
    expect(prompt['1']?.inputs['image']).toBe('example.png')
    await expect(
      build(schema, { prompt: '', picture: 'other.png' }, (input) => load(input.picture)),
    ).rejects.toMatchObject(unsafe('/picture'))
  })

  test('take constants of the module, also when a parameter chooses among them', async () => {
    const schema = z.object({ prompt: z.string(), style: z.enum(['day', 'night']), isDark: z.boolean() })
    const { builds } = await build(schema, { prompt: 'x', style: 'day', isDark: true }, (input) => ({
      ...load(`${input.style}.png`),
      '2': { class_type: 'LoadImageMask', inputs: { image: input.isDark ? 'dark.png' : 'light.png', channel: 'red' } },
      '3': { class_type: 'CLIPTextEncode', inputs: { text: input.prompt } },
    }))
    expect(builds).toBe(2)
  })

  const places: [classType: string, input: string][] = [
    ['LoadImage', 'image'],
    ['LoadImageMask', 'image'],
    ['LoadImageOutput', 'image'],
    ['LoadAudio', 'audio'],
    ['LoadVideo', 'file'],
    ['LoadLatent', 'latent'],
    ['Load3D', 'model_file'],
    ['VHS_LoadVideo', 'video'],
    ['VHS_LoadImagesPath', 'directory'],
    ['SaveTrainingDataset', 'folder_name'],
    ['SomebodysLoader', 'file_path'],
  ]
  test.each(places)('never take a text of the caller: %s.%s', async (classType, input) => {
    const schema = z.object({ name: z.string() })
    await expect(
      build(schema, { name: 'secret.png' }, ({ name }) => load(name, classType, input)),
    ).rejects.toMatchObject(
      unsafe(`node 1 (${classType}), input ${input}: would name a file of the caller's choice (/name)`),
    )
  })

  const ways: [title: string, graph: (name: string) => WorkflowGraph][] = [
    ['in part', (name) => load(`styles/${name}.png`)],
    ['changed', (name) => load(Buffer.from(name).toString('hex'))],
    ['as a choice', (name) => load(name === 'secret' ? 'secret.png' : 'public.png')],
    ['inside of an object', (name) => load({ image: name }, 'Load3D', 'image')],
    [
      'by a node that makes texts',
      (name) => ({
        '1': { class_type: 'VHS_LoadVideoPath', inputs: { video: ['2', 0] } },
        '2': { class_type: 'PrimitiveString', inputs: { value: name } },
      }),
    ],
    [
      'by two such nodes',
      (name) => ({
        '1': { class_type: 'VHS_LoadVideoPath', inputs: { video: ['2', 0] } },
        '2': { class_type: 'StringConcatenate', inputs: { string_a: ['3', 0], string_b: '.mp4', delimiter: '' } },
        '3': { class_type: 'PrimitiveString', inputs: { value: name } },
      }),
    ],
  ]
  test.each(ways)('never take a text of the caller %s', async (_title, graph) => {
    const schema = z.object({ name: z.string() })
    await expect(build(schema, { name: 'secret' }, ({ name }) => graph(name))).rejects.toMatchObject(unsafe('(/name)'))
  })

  test('name the parameter whose text would lead out of the folder', async () => {
    const schema = z.object({ style: z.object({ name: z.string() }) })
    const graph = ({ style }: z.output<typeof schema>): WorkflowGraph => load(`styles/${style.name}.png`)
    for (const name of ['../../secret', '..\\secret', 'a\0', 'secret']) {
      await expect(build(schema, { style: { name } }, graph)).rejects.toMatchObject({
        code: 'unsafe_prompt',
        errors: [{ pointer: '/style/name', node: { id: '1', classType: 'LoadImage', input: 'image' } }],
      })
    }
  })

  test('never take keys of a record, nor texts that a module cannot do without', async () => {
    const record = z.object({ files: z.record(z.string(), z.number()) })
    await expect(
      build(record, { files: { 'secret.png': 1 } }, ({ files }) => load(Object.keys(files)[0])),
    ).rejects.toMatchObject(unsafe(`would name a file of the caller's choice`))
    const known: Record<string, { file: string } | undefined> = { a: { file: 'a.png' } }
    const lookUp = z.object({ name: z.string() })
    const graph = ({ name }: { name: string }): WorkflowGraph => {
      const found = known[name]
      if (found === undefined) throw new Error('unknown')
      return load(found.file)
    }
    await expect(build(lookUp, { name: 'a' }, graph)).rejects.toMatchObject(
      unsafe('declare the parameter with image()'),
    )
  })

  test('take texts from a node whose texts are constants', async () => {
    const schema = z.object({ prompt: z.string() })
    const { prompt } = await build(schema, { prompt: 'x' }, () => ({
      '1': { class_type: 'VHS_LoadVideoPath', inputs: { video: ['2', 0] } },
      '2': { class_type: 'PrimitiveString', inputs: { value: 'a.mp4' } },
    }))
    expect(Object.keys(prompt)).toEqual(['1', '2'])
  })

  test.each([
    ['../x.png', 'it leads out of its folder'],
    ['a/../../x.png', 'it leads out of its folder'],
    ['/etc/passwd', 'it is an absolute path'],
    ['C:x.png', 'it is an absolute path'],
    ['a\\b.png', 'it holds a backslash'],
    ['a\0.png', 'it holds a NUL character'],
  ])('never take %j, whoever wrote it', async (name, reason) => {
    await expect(build(z.object({}), {}, () => load(name))).rejects.toMatchObject(unsafe(reason))
  })
})

test('what would crash ComfyUI is refused', async () => {
  await expect(
    build(z.object({}), {}, () => ({ '1': { class_type: 'A', inputs: { a: ['2', 0] } } })),
  ).rejects.toMatchObject({ code: 'invalid_workflow', detail: expect.stringContaining('links to node "2"') })
})
