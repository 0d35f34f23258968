import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { assetSchema } from '../../src/http/schemas/asset.ts'
import { createSimulator } from '../../src/simulator/simulator.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { makePng } from '../support/make-image.ts'
import { glbOf } from '../support/make-media.ts'
import { startGateway, testWorkflows } from '../support/start-gateway.ts'

const glb = glbOf({ made: 'for a test' })
const name = `3d/comfyui-api/${createHash('sha256').update(glb).digest('hex')}.glb`
const inline = `data:application/octet-stream;base64,${glb.toString('base64')}`

async function start(version: '0.33.0' | '0.3.64') {
  const stack = new AsyncDisposableStack()
  const simulator = await createSimulator({ version, stepDelayMs: 0 })
  stack.defer(() => simulator.close())
  const gateway = await startGateway({ flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows] } })
  stack.defer(() => gateway.close())
  return {
    simulator,
    gateway,
    client: createClient(() => gateway.url),
    listed: async () => (await fetch(`${simulator.url}/object_info/Load3D`)).text(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const graphOf = (model: unknown) => ({
  prompt: {
    '1': { class_type: 'Load3D', inputs: { model_file: model, image: {}, width: 64, height: 64 } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'a' } },
  },
})

describe.each(['0.33.0', '0.3.64'] as const)('with ComfyUI %s', (version) => {
  test('a 3D model goes where ComfyUI lists them, in a graph and in a workflow', async () => {
    await using started = await start(version)
    const { client, gateway, listed } = started
    expect(await listed()).not.toContain(name)
    const uploaded = await fetch(`${gateway.url}/assets`, { method: 'POST', body: glb })
    const { id, kind, content_type: contentType } = assetSchema.parse(await uploaded.json())
    expect([kind, contentType]).toEqual(['3d', 'model/gltf-binary'])
    await client.run('/prompt', graphOf({ asset: id }))
    expect(await listed()).toContain(name)
    await client.run('/prompt', graphOf(inline))

    const { media } = (await (await fetch(`${gateway.url}/workflows/test/model`)).json()) as { media: unknown }
    expect(media).toEqual([{ path: ['model'], kind: '3d' }])
    const form = new FormData()
    form.set('model', new File([glb], 'mine.glb'))
    for (const body of [form, JSON.stringify({ model: { asset: id } }), JSON.stringify({ model: inline })]) {
      const headers = typeof body === 'string' ? { 'content-type': 'application/json' } : {}
      const response = await fetch(`${gateway.url}/test/model`, { method: 'POST', body, headers })
      expect(response.status, await response.text()).toBe(200)
    }
  })

  test('what is no 3D model is refused, and so is a name of a file', async () => {
    await using started = await start(version)
    const { client } = started
    expect(await readProblem(await client.post('/prompt', graphOf(makePng().toString('base64'))))).toMatchObject({
      code: 'unsupported_input',
      errors: [{ pointer: '/prompt/1/inputs/model_file', code: 'unsupported_type' }],
    })
    expect(await readProblem(await client.post('/prompt', graphOf('3d/theirs.glb')))).toMatchObject({
      code: 'unsafe_prompt',
    })
    expect(await readProblem(await client.post('/test/model', { model: makePng().toString('base64') }))).toMatchObject({
      errors: [{ pointer: '/model', code: 'unsupported_type' }],
    })
  })
})
