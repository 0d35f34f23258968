import { Registry } from 'prom-client'
import type { Job, JobAttempt, JobState, OpenJobs } from '../jobs/job.ts'
import { createHttpMetrics, type MeasuredRequest } from './http-metrics.ts'
import { createInstanceMetrics, type ObservedInstance } from './instance-metrics.ts'
import { type MetricDescription, Instruments } from './instruments.ts'
import { createJobMetrics } from './job-metrics.ts'
import { createOutputMetrics, type ObservedOutputs } from './output-metrics.ts'
import { createProcessMetrics } from './process-metrics.ts'
import { createWorkflowMetrics, type ObservedWorkflows } from './workflow-metrics.ts'

export interface MetricsOptions {
  readonly version: string
  /** Asked by each scrape. */
  readonly instances: () => readonly ObservedInstance[]
  /** Asked by each scrape. */
  readonly openJobs: () => OpenJobs
  /** Asked by each scrape. */
  readonly workflows: () => ObservedWorkflows
  /** Asked by each scrape. */
  readonly outputs: () => ObservedOutputs
}

export interface Metrics {
  /** Listener for job changes; `previous` is undefined for a job that was not known before. */
  readonly observeJob: (job: Job, previous: JobState | undefined) => void
  /** Listener for attempts that are over. */
  readonly observeAttempt: (attempt: JobAttempt) => void
  /** A request was answered. */
  readonly observeRequest: (request: MeasuredRequest) => void
  /** As many event streams are open now. */
  readonly setOpenStreams: (count: number) => void
  readonly contentType: string
  /** All metrics in Prometheus' text format. */
  render(): Promise<string>
  /** What there is, in the order in which it is rendered. */
  readonly descriptions: readonly MetricDescription[]
  close(): void
}

const prefix = 'comfyui_api_'

/** What happens is counted as it happens; what is, is looked up when a scrape asks. */
export function createMetrics({ version, instances, openJobs, workflows, outputs }: MetricsOptions): Metrics {
  const registry = new Registry()
  const instruments = new Instruments(registry)
  instruments
    .gauge({ name: `${prefix}build_info`, help: 'Always 1; the label is the version that runs.', labels: ['version'] })
    .set({ version }, 1)
  const jobMetrics = createJobMetrics(instruments, prefix)
  const setInstances = createInstanceMetrics(instruments, prefix)
  const setWorkflows = createWorkflowMetrics(instruments, prefix)
  const setOutputs = createOutputMetrics(instruments, prefix)
  const httpMetrics = createHttpMetrics(instruments, prefix)
  const processMetrics = createProcessMetrics(instruments)

  return {
    observeJob: jobMetrics.observeJob,
    observeAttempt: jobMetrics.observeAttempt,
    observeRequest: httpMetrics.observeRequest,
    setOpenStreams: httpMetrics.setOpenStreams,
    contentType: registry.contentType,
    render() {
      jobMetrics.setOpen(openJobs())
      setInstances(instances())
      setWorkflows(workflows())
      setOutputs(outputs())
      return registry.metrics()
    },
    descriptions: instruments.descriptions,
    close() {
      processMetrics.close()
    },
  }
}
