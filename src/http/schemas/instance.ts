import { z } from 'zod'
import type { InstanceView } from '../../instances/instance-view.ts'

export const instanceStatusSchema = z
  .enum(['connecting', 'ready', 'reconnecting', 'unreachable', 'ejected', 'stuck', 'draining'])
  .describe(
    '`ejected`: it failed jobs and is tried again soon. `stuck`: its worker died; restart ComfyUI. `draining`: it gets no new jobs.',
  )

export const instanceSchema = z.object({
  id: z.string(),
  url: z.string(),
  status: instanceStatusSchema,
  reason: z.string().nullable().describe('Why it is not ready.'),
  since: z.iso.datetime().describe('When it got into this state.'),
  version: z.string().nullable().describe('Version of ComfyUI.'),
  in_flight: z.int().describe('Jobs given to it that have not ended.'),
  capacity: z.int().describe('Jobs it is given at the same time.'),
  queue_remaining: z.int().nullable().describe('Prompts that wait or run there, those of others included.'),
  running_job: z.string().nullable().describe('The job that runs there now.'),
  models: z.array(z.string()).describe('Model files of the last job.'),
  recent_failures: z.array(z.object({ at: z.iso.datetime(), reason: z.string() })),
  devices: z.array(
    z.object({ name: z.string(), vram_total_bytes: z.number().nullable(), vram_free_bytes: z.number().nullable() }),
  ),
})

export const instanceListSchema = z.object({ data: z.array(instanceSchema) })

export function toInstanceResource(view: InstanceView): z.infer<typeof instanceSchema> {
  return {
    id: view.id,
    url: view.url,
    status: view.state,
    reason: view.reason ?? null,
    since: new Date(view.sinceMs).toISOString(),
    version: view.version ?? null,
    in_flight: view.inFlight,
    capacity: view.capacity,
    queue_remaining: view.queueRemaining ?? null,
    running_job: view.runningJobId ?? null,
    models: [...view.models],
    recent_failures: view.recentFailures.map(({ atMs, reason }) => ({ at: new Date(atMs).toISOString(), reason })),
    devices: view.devices.map((device) => ({
      name: device.name,
      vram_total_bytes: device.vramTotalBytes ?? null,
      vram_free_bytes: device.vramFreeBytes ?? null,
    })),
  }
}
