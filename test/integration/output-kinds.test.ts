import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobOutputResource } from '../../src/http/schemas/job.ts'
import { createSimulator } from '../../src/simulator/simulator.ts'
import { createClient } from '../support/call-gateway.ts'
import { makePng } from '../support/make-image.ts'
import type { SeenRequest } from '../support/scripted-comfyui.ts'
import type { NodeOutputs, ScriptedPrompt } from '../support/scripted-prompt.ts'
import { setStage, type Stage } from '../support/scripted-stage.ts'
import { startGateway } from '../support/start-gateway.ts'

/* What nodes of ComfyUI and of node packs tell of as their outputs, and what becomes of it. */

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
  stage.comfyui.on('GET /view', (request) => ({ bytes: bytesAt(request), contentType: 'application/octet-stream' }))
})
afterAll(() => stage[Symbol.asyncDispose]())

/** Says from where it came. */
function bytesAt({ query }: SeenRequest): Buffer {
  return Buffer.from(`\0${['type', 'subfolder', 'filename'].map((part) => query.get(part)).join('|')}`)
}

/** Runs a graph whose last node is of this class. */
async function run(
  classType: string,
  finish: (prompt: ScriptedPrompt) => void,
  options: Record<string, unknown> = {},
): Promise<{ status: string; warnings: readonly string[]; outputs: readonly JobOutputResource[] }> {
  const graph = {
    '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 1 } },
    '9': { class_type: classType, inputs: { images: ['1', 0] } },
  }
  const job = await stage.client.submit('/prompt', { prompt: graph, ...options })
  finish(await stage.comfyui.nextPrompt())
  return stage.ended(job)
}

const tell = (outputs: NodeOutputs) => (prompt: ScriptedPrompt) => prompt.run(outputs)
const file = (filename: string, subfolder = 'gw', type = 'output') => ({ filename, subfolder, type })
const hex = '0123456789abcdef0123456789abcdef'

const rows: readonly [string, Record<string, unknown>, readonly string[]][] = [
  ['SaveImage', { images: [file('a.png'), file('b.png')] }, ['image image/png gw/a.png', 'image image/png gw/b.png']],
  ['SaveAnimatedWEBP', { images: [file('a.webp')], animated: [true] }, ['image image/webp gw/a.webp']],
  ['SaveAnimatedPNG', { images: [file('a.png', '')], animated: [true] }, ['image image/png /a.png']],
  ['SaveSVGNode', { images: [file('a.svg')] }, ['file application/octet-stream gw/a.svg']],
  ['SaveVideo', { images: [file('a.mp4')], animated: [true] }, ['video video/mp4 gw/a.mp4']],
  ['SaveWEBM', { images: [file('a.webm')] }, ['video video/webm gw/a.webm']],
  [
    'VHS_VideoCombine',
    {
      gifs: [
        {
          ...file('a_00001-audio.mp4'),
          format: 'video/h264-mp4',
          frame_rate: 8,
          workflow: 'a_00001.png',
          fullpath: '/srv/comfyui/output/gw/a_00001-audio.mp4',
        },
      ],
      unfinished_batch: [true],
    },
    ['video video/mp4 gw/a_00001-audio.mp4'],
  ],
  ['VHS_VideoCombine', { gifs: [{ ...file('a.gif'), format: 'image/gif' }] }, ['image image/gif gw/a.gif']],
  ['SaveAudio', { audio: [file('a_00001.flac')] }, ['audio audio/flac gw/a_00001.flac']],
  ['SaveAudioMP3', { audio: [file('a.mp3')] }, ['audio audio/mpeg gw/a.mp3']],
  ['SaveAudioOpus', { audio: [file('a.opus')] }, ['audio audio/ogg gw/a.opus']],
  ['SaveGLB', { '3d': [file('a_00001_.glb')] }, ['3d model/gltf-binary gw/a_00001_.glb']],
  ['Save3DAdvanced', { result: ['gw/a_00001.stl', { position: { x: 1 } }, []] }, ['3d model/stl gw/a_00001.stl']],
  ['Preview3D', { result: [`preview3d_${hex}.glb`, null, null] }, [`3d model/gltf-binary /preview3d_${hex}.glb`]],
  ['SaveLatent', { latents: [file('a.latent')] }, ['latent application/octet-stream gw/a.latent']],
  [
    'SaveText',
    { files: [file('a.txt')], text: ['hello'] },
    ['text text/plain; charset=utf-8 gw/a.txt', 'text text/plain; charset=utf-8 hello'],
  ],
  [
    'ImageCompare',
    { a_images: [file('l.png', '', 'temp')], b_images: [file('r.png', '', 'temp')] },
    ['image image/png /l.png', 'image image/png /r.png'],
  ],
  [
    'SomePack',
    { video: [file('a.mov')], tags: ['1girl, solo'], string: 'one', dims: [64, 64], points: [{ x: 1 }] },
    [
      'video video/quicktime gw/a.mov',
      'text text/plain; charset=utf-8 1girl, solo',
      'text text/plain; charset=utf-8 one',
    ],
  ],
  ['SomePack', { images: [file('a.png'), file('a.png')], also: [file('a.png')] }, ['image image/png gw/a.png']],
  ['SomePack', { images: [file('a.png', 'a\\b')] }, ['image image/png a\\b/a.png']],
]

test.each(rows)('%s %j', async (classType, output, expected) => {
  const job = await run(classType, tell({ '9': output }))
  expect(job.status).toBe('succeeded')
  const seen = await Promise.all(
    job.outputs.map(async ({ type, content_type: contentType, url }) => {
      const text = (await stage.client.bytes(url)).toString()
      const [, , folder, filename] = /^\0([^|]*)\|([^|]*)\|([^|]*)$/.exec(text) ?? []
      return `${type} ${contentType} ${filename === undefined ? text : `${folder ?? ''}/${filename}`}`
    }),
  )
  expect(seen).toEqual(expected)
  expect(JSON.stringify(job)).not.toContain('/srv/comfyui')
})

describe('images of comfyui-tooling-nodes', () => {
  const announced = { source: 'websocket', 'content-type': 'image/png', type: 'output' }
  const frame = (image: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 2]), image])

  test('that are held in memory are fetched from there', async () => {
    const held = (id: string) => ({ source: 'http', id, 'content-type': 'image/png', type: 'output' })
    for (const size of [2, 3]) {
      stage.comfyui.on(`GET /etn/image/${hex}${size}`, () => ({ bytes: makePng(size, size), contentType: 'image/png' }))
    }
    const job = await run('ETN_SaveImageCache', tell({ '9': { images: [held(`${hex}2`), held(`${hex}3`)] } }))
    expect(job.outputs).toMatchObject([
      { type: 'image', content_type: 'image/png' },
      { type: 'image', content_type: 'image/png' },
    ])
    for (const [index, { url }] of job.outputs.entries()) {
      expect(await stage.client.bytes(url)).toEqual(makePng(2 + index, 2 + index))
    }
  })

  test.each([
    ['ETN_SendImageWebSocket', { images: [announced, announced] }],
    ['SaveImageWebsocket', undefined],
  ])('and of %s that come over the socket are outputs, in order', async (classType, output) => {
    const images = [makePng(4, 4), makePng(5, 5)]
    const job = await run(classType, (prompt) => {
      prompt.begin()
      prompt.executing('9')
      for (const image of images) stage.comfyui.sendFrame(frame(image))
      prompt.finish(output === undefined ? {} : { '9': output })
    })
    expect(job.outputs).toMatchObject([{ node_id: '9', type: 'image', content_type: 'image/png' }, { index: 1 }])
    expect(await Promise.all(job.outputs.map(({ url }) => stage.client.bytes(url)))).toEqual(images)
  })

  test('and were lost with their connection are made once more', async () => {
    const { comfyui, client } = stage
    const graph = { '9': { class_type: 'SaveImageWebsocket', inputs: {} } }
    const job = await client.submit('/prompt', { prompt: graph })
    const first = await comfyui.nextPrompt()
    first.begin()
    first.executing('9')
    comfyui.sendFrame(frame(makePng(4, 4)))
    comfyui.dropSockets()
    await comfyui.when(() => comfyui.openSockets === 0)
    first.finish({})
    const second = await comfyui.nextPrompt()
    expect(second.id).not.toBe(first.id)
    await comfyui.when(() => comfyui.openSockets === 1)
    second.begin()
    second.executing('9')
    comfyui.sendFrame(frame(makePng(6, 6)))
    second.finish({})
    const ended = await stage.ended(job)
    expect(ended).toMatchObject({ status: 'succeeded', attempt: 2 })
    expect(await client.bytes(ended.outputs[0]?.url ?? '')).toEqual(makePng(6, 6))
  })

  test('and whose instance was away meanwhile are made under another id', async () => {
    const { comfyui, client } = stage
    const job = await client.submit('/prompt', { prompt: { '9': { class_type: 'SaveImageWebsocket', inputs: {} } } })
    const first = await comfyui.nextPrompt()
    first.begin()
    first.forget()
    comfyui.dropSockets()
    const second = await comfyui.nextPrompt()
    expect(second.id).not.toBe(first.id)
    await comfyui.when(() => comfyui.openSockets === 1)
    second.begin()
    second.executing('9')
    comfyui.sendFrame(frame(makePng(3, 3)))
    second.finish({})
    const ended = await stage.ended(job)
    expect(await client.bytes(ended.outputs[0]?.url ?? '')).toEqual(makePng(3, 3))
  })

  test('of a class that is not known are told of, and nothing is made of them', async () => {
    const job = await run('SomeSender', tell({ '9': { images: [announced] } }))
    expect(job).toMatchObject({
      status: 'succeeded',
      outputs: [],
      warnings: [expect.stringMatching(/`images` of node 9/)],
    })
  })
})

describe('previews beside what was saved', () => {
  const outputs: NodeOutputs = {
    '1': { images: [file('p.png', '', 'temp')] },
    '9': { images: [file('a.png')] },
  }
  const shown = (job: { readonly outputs: readonly JobOutputResource[] }) =>
    job.outputs.map(({ node_id: node, intermediate }) => [node, intermediate])
  const both = [
    ['9', false],
    ['1', true],
  ]

  test('are outputs too when a graph asks for them, and again when it is run again', async () => {
    const { client, comfyui } = stage
    const graph = { '9': { class_type: 'SaveImage', inputs: {} } }
    const job = await client.submit('/prompt', { prompt: graph, intermediate_outputs: true })
    tell(outputs)(await comfyui.nextPrompt())
    const ended = await stage.ended(job)
    expect(shown(ended)).toEqual(both)
    expect((await client.bytes(ended.outputs[1]?.url ?? '')).toString()).toBe('\0temp||p.png')
    const again = await client.submit(`/jobs/${job.id}/retry`, {})
    tell(outputs)(await comfyui.nextPrompt())
    expect(shown(await stage.ended(again))).toEqual(both)
    const without = await client.submit(`/jobs/${job.id}/retry`, { intermediate_outputs: false })
    tell(outputs)(await comfyui.nextPrompt())
    expect(shown(await stage.ended(without))).toEqual([['9', false]])
  })

  test.each([
    [{ input: { color: 1 }, intermediate_outputs: true }, {}, both],
    [{ color: 1 }, { 'job-intermediate-outputs': 'true' }, both],
    [{ color: 1 }, {}, [['9', false]]],
  ])('are outputs of a workflow for %j with %j', async (body, headers, expected) => {
    const job = await stage.client.submit('/test/picture', body, headers)
    tell(outputs)(await stage.comfyui.nextPrompt())
    expect(shown(await stage.ended(job))).toEqual(expected)
  })

  test('are asked for with true or false', async () => {
    const response = await stage.client.post('/test/picture', { color: 1 }, { 'job-intermediate-outputs': 'yes' })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'invalid_header' })
  })
})

test('all outputs of a node have its name, and names of their own to be saved under', async () => {
  const job = await stage.client.submit('/test/picture', { color: 1, batch_size: 2 })
  tell({ '9': { images: [file('a.png'), file('b.png')] } })(await stage.comfyui.nextPrompt())
  const ended = await stage.ended(job)
  expect(ended.outputs.map(({ name }) => name)).toEqual(['image', 'image'])
  const start = `picture-image-${job.id.slice(0, 8)}`
  expect(ended.outputs.map(({ filename }) => filename)).toEqual([`${start}.png`, `${start}-1.png`])
  const { headers } = await fetch(`${stage.gateway.url}${ended.outputs[1]?.url ?? ''}`, { method: 'HEAD' })
  expect(headers.get('content-disposition')).toBe(`inline; filename="${start}-1.png"`)
})

test.each(['0.3.64', '0.33.0'] as const)(
  'images that ComfyUI %s sends over the socket are outputs',
  async (version) => {
    const simulator = await createSimulator({ version, stepDelayMs: 0 })
    const gateway = await startGateway({ flags: { comfyuiUrl: [simulator.url], shippedWorkflows: false } })
    try {
      const client = createClient(() => gateway.url)
      const graph = {
        '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 8, batch_size: 2, color: 255 } },
        '2': { class_type: 'SaveImageWebsocket', inputs: { images: ['1', 0] } },
      }
      for (const _run of ['first', 'again']) {
        const result = await client.run('/prompt', { prompt: graph })
        expect(result.outputs).toMatchObject([{ content_type: 'image/png' }, { content_type: 'image/png' }])
        expect(result.images.map((image) => Buffer.from(image, 'base64').readUInt32BE(16))).toEqual([16, 16])
      }
    } finally {
      await gateway.close()
      await simulator.close()
    }
  },
)
