import { instanceLabel, type Instruments } from './instruments.ts'

/** What is known of an instance, as far as it is a number or one of a few words. */
export interface ObservedInstance {
  readonly id: string
  readonly state: (typeof instanceStates)[number]
  readonly breaker: (typeof breakerStates)[number]
  /** Jobs it was given. */
  readonly inFlight: number
  readonly capacity: number
  /** Prompts in its queue, those of others included. */
  readonly queueRemaining: number | undefined
  readonly runningJobId: string | undefined
  /** When it last said anything, milliseconds since the epoch. */
  readonly lastHeardAtMs: number | undefined
  readonly devices: readonly {
    readonly name: string
    readonly vramTotalBytes: number | undefined
    readonly vramFreeBytes: number | undefined
  }[]
}

const instanceStates = ['connecting', 'ready', 'reconnecting', 'unreachable', 'ejected', 'stuck', 'draining'] as const
const breakerStates = ['closed', 'open', 'half_open'] as const

/** Returns what sets the metrics to the instances there are now, before a scrape is answered. */
export function createInstanceMetrics(
  instruments: Instruments,
  prefix: string,
): (instances: readonly ObservedInstance[]) => void {
  const gauge = <Label extends string = never>(name: string, help: string, ...labels: readonly Label[]) =>
    instruments.gauge({ name: `${prefix}instance_${name}`, help, labels: [instanceLabel, ...labels] })

  const up = gauge('up', 'Whether the ComfyUI instance takes jobs: 1 when its state is ready, else 0.')
  const state = gauge('state', `1 for the state that the instance is in: ${instanceStates.join(', ')}.`, 'state')
  const breaker = gauge(
    'breaker_state',
    `1 for the state of the circuit breaker of the instance: ${breakerStates.join(', ')}. Open keeps jobs away from it.`,
    'state',
  )
  const inFlight = gauge('jobs', 'Jobs that the instance was given and has not ended.')
  const capacity = gauge('jobs_limit', 'Jobs that the instance is given at most.')
  const running = gauge('running', 'Whether the instance is running a job of this gateway.')
  const queue = gauge('queue_length', 'Prompts that wait or run on the instance, those of others included.')
  const heard = gauge(
    'last_heard_timestamp_seconds',
    'When the socket of the instance last brought a message, since the Unix epoch. Idle instances are silent.',
  )
  const vramTotal = gauge('vram_total_bytes', 'Memory of a device of the instance.', 'device')
  const vramFree = gauge(
    'vram_free_bytes',
    'Free memory of a device of the instance, as ComfyUI told it around the scrape before.',
    'device',
  )
  const all = [up, state, breaker, inFlight, capacity, running, queue, heard, vramTotal, vramFree]

  return (instances) => {
    // Instances that are gone leave no values behind.
    for (const one of all) one.reset()
    for (const view of instances) {
      const labels = { [instanceLabel]: view.id }
      up.set(labels, view.state === 'ready' ? 1 : 0)
      for (const name of instanceStates) state.set({ ...labels, state: name }, view.state === name ? 1 : 0)
      for (const name of breakerStates) breaker.set({ ...labels, state: name }, view.breaker === name ? 1 : 0)
      inFlight.set(labels, view.inFlight)
      capacity.set(labels, view.capacity)
      running.set(labels, view.runningJobId === undefined ? 0 : 1)
      if (view.queueRemaining !== undefined) queue.set(labels, view.queueRemaining)
      if (view.lastHeardAtMs !== undefined) heard.set(labels, view.lastHeardAtMs / 1000)
      for (const [index, { name, vramTotalBytes, vramFreeBytes }] of view.devices.entries()) {
        // Two cards of one kind have the same name.
        const device = { ...labels, device: `${index} ${name}` }
        if (vramTotalBytes !== undefined) vramTotal.set(device, vramTotalBytes)
        if (vramFreeBytes !== undefined) vramFree.set(device, vramFreeBytes)
      }
    }
  }
}
