import type { Instruments } from './instruments.ts'

/** What is kept of outputs. */
export interface ObservedOutputs {
  readonly keptBytes: number
  /** Since the process began. */
  readonly removedOutputs: number
}

/** Returns what sets the metrics to the outputs there are now, before a scrape is answered. */
export function createOutputMetrics(instruments: Instruments, prefix: string): (outputs: ObservedOutputs) => void {
  const bytes = instruments.gauge({
    name: `${prefix}outputs_bytes`,
    help: 'Size of all outputs that are kept.',
  })
  const removed = instruments.counter({
    name: `${prefix}outputs_removed_total`,
    help: 'Outputs that were removed before their time, because all together were larger than --outputs-max-gb.',
  })
  return ({ keptBytes, removedOutputs }) => {
    bytes.set(keptBytes)
    removed.reset()
    removed.inc(removedOutputs)
  }
}
