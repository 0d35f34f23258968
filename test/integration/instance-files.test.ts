import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { instanceListSchema } from '../../src/http/schemas/instance.ts'
import { createSimulator } from '../../src/simulator/simulator.ts'
import { countEndedPrompts, createClient } from '../support/call-gateway.ts'
import { startGateway, testWorkflows } from '../support/start-gateway.ts'

test('instances come and go with their file, and one that goes ends its job first', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'comfyui-api-instances-'))
  const file = path.join(folder, 'instances.txt')
  const [first, second] = [await createSimulator({ testNodes: true }), await createSimulator({ testNodes: true })]
  await writeFile(file, `${first.url}\n`)
  const gateway = await startGateway({ flags: { instancesFile: [file], workflows: [testWorkflows] } })
  const client = createClient(() => gateway.url)
  const instances = async () =>
    instanceListSchema
      .parse(await (await fetch(`${gateway.url}/instances`)).json())
      .data.map(({ url, status }) => [url, status])
  try {
    await expect.poll(instances).toEqual([[first.url, 'ready']])
    const onFirst = await client.submit('/test/slow', { seconds: 1.5, ticks: 6, nonce: 1 })
    await expect.poll(async () => (await client.job(onFirst.id)).status).toBe('running')

    await writeFile(file, `# moved\n${second.url}\n`)
    await expect.poll(instances).toContainEqual([second.url, 'ready'])
    await expect.poll(instances).toContainEqual([first.url, 'draining'])
    const onSecond = await client.run('/test/picture', { color: 1 })
    expect(onSecond.instance).toBe(new URL(second.url).host)
    await expect.poll(async () => (await client.job(onFirst.id)).status).toBe('succeeded')
    expect(await countEndedPrompts(first.url)).toBe(1)
    await expect.poll(instances).toEqual([[second.url, 'ready']])

    await writeFile(file, 'nonsense\n')
    await client.run('/test/picture', { color: 2 })
    expect(await instances()).toEqual([[second.url, 'ready']])
  } finally {
    await gateway.close()
    await Promise.all([first.close(), second.close()])
    await rm(folder, { recursive: true, force: true })
  }
})
