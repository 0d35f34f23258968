import type { Instruments } from './instruments.ts'

/** How many workflows can run now. */
export interface ObservedWorkflows {
  readonly ready: number
  readonly notReady: number
  readonly unknown: number
}

/** Returns what sets the metrics to the workflows there are now, before a scrape is answered. */
export function createWorkflowMetrics(
  instruments: Instruments,
  prefix: string,
): (workflows: ObservedWorkflows) => void {
  const workflows = instruments.gauge({
    name: `${prefix}workflows`,
    help: 'Workflows that are served, by whether an instance that takes jobs has the nodes and models for them: ready, not_ready, unknown.',
    labels: ['readiness'],
  })
  return ({ ready, notReady, unknown }) => {
    workflows.set({ readiness: 'ready' }, ready)
    workflows.set({ readiness: 'not_ready' }, notReady)
    workflows.set({ readiness: 'unknown' }, unknown)
  }
}
