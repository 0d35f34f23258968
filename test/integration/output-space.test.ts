import { expect, test } from 'vitest'
import { readProblem } from '../support/call-gateway.ts'
import { setStage } from '../support/scripted-stage.ts'

test('the oldest outputs give way when all are too large, and their jobs say so', async () => {
  // 0.001 GiB hold two of them.
  await using stage = await setStage({ flags: { outputsMaxGb: '0.001' } })
  const { client, comfyui, gateway } = stage
  comfyui.on('GET /view', () => ({ bytes: Buffer.alloc(500_000, 7), contentType: 'image/png' }))
  comfyui.runsAlone = true
  const jobs = []
  for (const color of [1, 2, 3]) jobs.push(await stage.ended(await client.submit('/test/picture', { color })))
  const urls = jobs.map(({ outputs }) => `${gateway.url}${outputs[0]?.url ?? ''}`)
  const [gone = '', ...kept] = urls
  for (const url of kept) expect((await (await fetch(url)).arrayBuffer()).byteLength).toBe(500_000)

  const response = await fetch(gone)
  expect(response.status).toBe(410)
  const problem = await readProblem(response)
  expect(problem.code).toBe('output_expired')
  expect(problem.detail).toMatch(/retry/)
  expect((await fetch(gone, { method: 'HEAD' })).status).toBe(410)
  const [first] = jobs
  expect(await client.job(first?.id ?? '')).toEqual(first)

  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  expect(metrics).toMatch(/^comfyui_api_outputs_bytes 1000000$/m)
  expect(metrics).toMatch(/^comfyui_api_outputs_removed_total 1$/m)
  const again = await stage.ended(await client.submit(`/jobs/${first?.id ?? ''}/retry`, {}))
  expect(await client.bytes(again.outputs[0]?.url ?? '')).toHaveLength(500_000)
})
