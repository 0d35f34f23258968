import type { z } from 'zod'
import { instanceListSchema } from '../../src/http/schemas/instance.ts'
import type { JobResource } from '../../src/http/schemas/job.ts'
import { createClient } from './call-gateway.ts'
import { readEvents } from './read-events.ts'
import { ScriptedComfyui, type ScriptedOptions } from './scripted-comfyui.ts'
import { type GatewayOptions, type RunningGateway, startGateway, testWorkflows } from './start-gateway.ts'

export interface StageOptions extends Pick<GatewayOptions, 'flags' | 'env' | 'logger' | 'listIntervalMs'> {
  /** One server for each; one of 0.33.0 without. */
  readonly servers?: readonly ScriptedOptions[]
  /** User and password in front of the host of each address. */
  readonly credentials?: string
}

type InstanceResource = z.infer<typeof instanceListSchema>['data'][number]

/** The real gateway in front of scripted servers. */
export interface Stage extends AsyncDisposable {
  readonly gateway: RunningGateway
  readonly client: ReturnType<typeof createClient>
  readonly servers: readonly ScriptedComfyui[]
  /** The first server. */
  readonly comfyui: ScriptedComfyui
  /** The job once it is terminal. */
  ended(job: { readonly id: string }): Promise<JobResource>
  instances(): Promise<InstanceResource[]>
  /** Resolves when the instance of a server is in this state. */
  untilInstance(server: ScriptedComfyui, status: InstanceResource['status']): Promise<InstanceResource>
}

const lookEveryMs = 50

/** Resolves when the gateway has found all of its servers ready. */
export async function setStage(options: StageOptions = {}): Promise<Stage> {
  const { servers = [{}], credentials, flags, env, ...others } = options
  const scripted = await Promise.all(servers.map((options) => new ScriptedComfyui(options).listen()))
  const gateway = await startGateway({
    flags: {
      comfyuiUrl: scripted.map(({ url }) => (credentials ? url.replace('//', `//${credentials}@`) : url)),
      workflows: [testWorkflows],
      shippedWorkflows: false,
      jobStore: 'memory',
      ...flags,
    },
    env: { COMFYUI_API_DRAIN_SECONDS: '0', ...env },
    ...others,
  })
  const client = createClient(() => gateway.url)
  const [comfyui] = scripted
  if (!comfyui) throw new Error('a stage needs a server')

  async function instances(): Promise<InstanceResource[]> {
    return instanceListSchema.parse(await (await fetch(`${gateway.url}/instances`)).json()).data
  }

  async function untilInstance(
    { url }: ScriptedComfyui,
    status: InstanceResource['status'],
  ): Promise<InstanceResource> {
    for (;;) {
      const found = (await instances()).find((instance) => instance.url === url && instance.status === status)
      if (found) return found
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
    }
  }

  for (const server of scripted) await untilInstance(server, 'ready')
  return {
    gateway,
    client,
    servers: scripted,
    comfyui,
    async ended({ id }) {
      await readEvents(await fetch(`${gateway.url}/jobs/${id}/events`))
      return client.job(id)
    },
    instances,
    untilInstance,
    async [Symbol.asyncDispose]() {
      await gateway.close()
      await Promise.all(scripted.map((server) => server.stop()))
    },
  }
}

/** The server that got the only prompt so far, and the other one. */
export async function byPrompts({ servers }: Stage): Promise<[ScriptedComfyui, ScriptedComfyui]> {
  await Promise.race(servers.map((server) => server.when(() => server.prompts.length > 0)))
  const holder = servers.find(({ prompts }) => prompts.length > 0)
  const other = servers.find(({ prompts }) => prompts.length === 0)
  if (!holder || !other) throw new Error('one of two servers was to get a prompt')
  return [holder, other]
}
