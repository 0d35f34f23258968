import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import { findMediaFields } from './find-media-fields.ts'
import type { WorkflowGraph } from '../workflow-definition.ts'

function find<Schema extends z.ZodType>(schema: Schema, generate: (input: z.output<Schema>) => WorkflowGraph) {
  return findMediaFields({ schema, generate: (input) => generate(schema.parse(input)), nodes: coreNode })
}

const load = (image: unknown) => ({ class_type: 'LoadImage', inputs: { image } })

describe('a text that a node loads as media', () => {
  test('is media of the kind that the node loads', async () => {
    const schema = z.object({
      picture: z.string(),
      mask: z.string().optional(),
      sound: z.string().nullable(),
      film: z.string().default('intro.mp4'),
      prompt: z.string(),
    })
    const found = await find(schema, (input) => ({
      a: load(input.picture),
      ...(input.mask !== undefined && { b: { class_type: 'LoadImageMask', inputs: { image: input.mask } } }),
      c: { class_type: 'LoadAudio', inputs: { audio: input.sound } },
      d: { class_type: 'LoadVideo', inputs: { file: input.film } },
      e: { class_type: 'CLIPTextEncode', inputs: { text: `${input.prompt} ${input.picture}` } },
    }))
    expect(found).toEqual([
      { path: ['picture'], kind: 'image' },
      { path: ['mask'], kind: 'mask' },
      { path: ['sound'], kind: 'audio' },
      { path: ['film'], kind: 'video' },
    ])
  })

  test('is found in objects and lists', async () => {
    const schema = z.object({
      pages: z.array(z.object({ picture: z.string() })),
      covers: z.array(z.string()).default([]),
    })
    const found = await find(schema, ({ pages, covers }) =>
      Object.fromEntries([...pages.map(({ picture }) => picture), ...covers].map((text, index) => [index, load(text)])),
    )
    expect(found).toEqual([
      { path: ['pages', '*', 'picture'], kind: 'image' },
      { path: ['covers', '*'], kind: 'image' },
    ])
  })

  test('is found where only a switch leads to it', async () => {
    const schema = z.object({ picture: z.string().optional(), blank: z.boolean().default(true), extra: z.string() })
    const found = await find(schema, ({ picture, blank, extra }) =>
      blank ? { a: load(extra) } : { a: load(picture), b: load('fixed.png') },
    )
    expect(found.map(({ path }) => path)).toEqual([['extra'], ['picture']])
  })
})

describe('a text that only some requests have loaded', () => {
  test('is found behind one of several choices', async () => {
    const schema = z.object({
      mode: z.enum(['draw', 'redraw', 'mix']).default('draw'),
      form: z.union([z.literal('one'), z.literal('two')]).default('one'),
      picture: z.string().optional(),
      other: z.string().optional(),
      third: z.string().optional(),
    })
    const found = await find(schema, ({ mode, form, picture, other, third }) => ({
      ...(mode === 'redraw' && { a: load(picture) }),
      ...(mode === 'mix' && { b: load(other) }),
      ...(form === 'two' && { c: load(third) }),
    }))
    expect(found.map(({ path }) => path)).toEqual([['picture'], ['other'], ['third']])
  })

  test('is found in each form that a parameter may have', async () => {
    const schema = z.object({
      source: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('none') }),
        z.object({ kind: z.literal('file'), file: z.string() }),
      ]),
    })
    const found = await find(schema, ({ source }) => (source.kind === 'file' ? { a: load(source.file) } : {}))
    expect(found).toEqual([{ path: ['source', 'file'], kind: 'image' }])
  })

  test('is found where another one goes first', async () => {
    const schema = z.object({ url: z.string().optional(), file: z.string().default(''), upload: z.string().nullish() })
    const found = await find(schema, ({ url, file, upload }) => ({ a: load(url ?? upload ?? file) }))
    expect(found.map(({ path }) => path)).toEqual([['url'], ['file'], ['upload']])
  })

  test('is found where the module says that it is an input', async () => {
    const schema = z.object({ picture: z.string(), part: z.string(), made: z.string() })
    const found = await find(schema, ({ picture, part, made }) => ({
      a: load(`${picture} [input]`),
      b: load(`references/${part}`),
      c: load(`${made} [output]`),
    }))
    expect(found.map(({ path }) => path)).toEqual([['picture']])
  })

  test('is found for nodes of VideoHelperSuite, known or not', async () => {
    const schema = z.object({ film: z.string(), frames: z.string(), sound: z.string() })
    const found = await find(schema, ({ film, frames, sound }) => ({
      a: { class_type: 'VHS_LoadVideo', inputs: { video: film } },
      b: { class_type: 'VHS_LoadVideoFFmpeg', inputs: { video: frames } },
      c: { class_type: 'VHS_LoadAudioUpload', inputs: { audio: sound } },
    }))
    expect(found.map(({ kind }) => kind)).toEqual(['video', 'video', 'audio'])
  })
})

describe('nothing is found', () => {
  const cases: readonly (readonly [string, z.ZodType, (input: unknown) => WorkflowGraph | Promise<WorkflowGraph>])[] = [
    ['for one of a fixed set', z.object({ picture: z.enum(['a.png']) }), () => ({ a: load('a.png') })],
    [
      'for the name of a folder',
      z.object({ folder: z.string() }),
      (input) => ({
        a: {
          class_type: 'VHS_LoadImagesPath',
          inputs: { directory: z.object({ folder: z.string() }).parse(input).folder },
        },
      }),
    ],
    [
      'in a module that throws',
      z.object({ picture: z.string() }),
      () => {
        throw new Error('no')
      },
    ],
    ['in a module that makes no graph', z.object({ picture: z.string() }), () => JSON.parse('[]') as WorkflowGraph],
  ]
  test.each(cases)('%s', async (_title, schema, generate) => {
    expect(await findMediaFields({ schema, generate, nodes: coreNode })).toEqual([])
  })

  test('after too long: what was found by then counts', async () => {
    vi.useFakeTimers()
    try {
      let count = 0
      const found = findMediaFields({
        schema: z.object({ a: z.string(), isOther: z.boolean() }),
        generate: (input) => {
          count += 1
          const { a } = z.object({ a: z.string() }).parse(input)
          return count === 1 ? { a: load(a) } : new Promise(() => {})
        },
        nodes: coreNode,
      })
      await vi.advanceTimersByTimeAsync(2000)
      expect(await found).toEqual([{ path: ['a'], kind: 'image' }])
    } finally {
      vi.useRealTimers()
    }
  })

  test('in a module that never answers, and nobody waits long for it', async () => {
    vi.useFakeTimers()
    try {
      const found = findMediaFields({
        schema: z.object({ a: z.string() }),
        generate: () => new Promise(() => {}),
        nodes: coreNode,
      })
      await vi.advanceTimersByTimeAsync(2000)
      expect(await found).toEqual([])
    } finally {
      vi.useRealTimers()
    }
  })
})
