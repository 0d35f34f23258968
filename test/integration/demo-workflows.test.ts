import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { startGatewayProcess, type GatewayProcess } from '../chaos/gateway-process.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { openShippedWorkflows } from '../support/shipped-workflows.ts'
import { makeDataDir } from '../support/start-gateway.ts'

const registry = await openShippedWorkflows()
const workflows = registry.list()
await registry.close()
const timeoutMs = 120_000

let url: string
let dataDir: string
let gateway: GatewayProcess
const client = createClient(() => url)
beforeAll(async () => {
  dataDir = await makeDataDir()
  gateway = startGatewayProcess(['--demo', '--data-dir', dataDir], { COMFYUI_API_DEMO_STEP_MS: '0' })
  url = await gateway.ready
}, timeoutMs)
afterAll(async () => {
  await gateway.stop()
  await rm(dataDir, { recursive: true, force: true })
}, timeoutMs)

const parametersSchema = z.record(z.string(), z.unknown())
const packsOf = (workflow: (typeof workflows)[number]) => workflow.definition.metadata?.requiredNodes ?? []

describe('in the demo', () => {
  const simple = workflows.filter((workflow) => packsOf(workflow).length === 0)
  test.each(simple.map(({ name, definition }) => [name, definition] as const))(
    '%s draws its first example',
    async (name, { examples }) => {
      const example = parametersSchema.parse(examples?.[0])
      const { outputs } = await client.run(`/${name}`, { ...example, steps: 1, seed: 42 })
      expect(outputs).toMatchObject([{ type: 'image', content_type: 'image/png' }])
    },
    timeoutMs,
  )

  const withPacks = workflows.filter((workflow) => packsOf(workflow).length > 0)
  test.each(withPacks.map((workflow) => [workflow.name, workflow] as const))(
    '%s says which pack of nodes is missing, and where it is to be had',
    async (name, workflow) => {
      const response = await client.post(`/${name}`, { prompt: 'a portrait' })
      expect(response.status).toBe(503)
      const problem = await readProblem(response)
      expect(problem).toMatchObject({ code: 'workflow_unavailable', retryable: false })
      const missing = problem.errors[0]?.node?.class_type ?? ''
      const pack = packsOf(workflow).find(({ classTypes }) => classTypes?.includes(missing))
      expect(problem.detail).toContain(`${missing} is in the node pack ${String(pack?.pack)}: ${String(pack?.url)}`)
    },
    timeoutMs,
  )
})
