import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { isTerminal, type Job, type JobState } from '../jobs/job.ts'
import { jobDurationsMs } from './job-log.ts'
import { createProcessMetrics } from './process-metrics.ts'

export interface Metrics {
  /** Listener for job changes; `previous` is undefined for a job that was not known before. */
  observeJob(job: Job, previous: JobState | undefined): void
  /** An instance came up or went down. */
  observeInstance(instance: string, isUp: boolean): void
  /** A request was answered. `route` is the pattern of the route, never the path that was asked for. */
  observeRequest(route: string | undefined, status: number): void
  readonly contentType: string
  /** All metrics in Prometheus' text format. */
  render(): Promise<string>
  close(): void
}

const prefix = 'comfyui_api_'
const secondsBuckets = [0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600]

export function createMetrics({ version }: { version: string }): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const processMetrics = createProcessMetrics(registry)

  new Gauge({ registers, name: `${prefix}build_info`, help: 'Version that runs.', labelNames: ['version'] }).set(
    { version },
    1,
  )
  const jobsTotal = new Counter({
    registers,
    name: `${prefix}jobs_total`,
    help: 'Jobs that ended.',
    labelNames: ['workflow', 'outcome'],
  })
  const jobsOpen = new Gauge({
    registers,
    name: `${prefix}jobs_open`,
    help: 'Jobs that have not ended.',
    labelNames: ['state'],
  })
  const histogram = (name: string, help: string) =>
    new Histogram({ registers, name: `${prefix}${name}`, help, labelNames: ['workflow'], buckets: secondsBuckets })
  const queueSeconds = histogram('job_queue_seconds', 'Time from acceptance to the start on an instance.')
  const runSeconds = histogram('job_run_seconds', 'Time on an instance.')
  const totalSeconds = histogram('job_total_seconds', 'Time from acceptance to the end, outputs stored.')
  const instanceUp = new Gauge({
    registers,
    name: `${prefix}instance_up`,
    help: 'Whether the ComfyUI instance is reachable.',
    labelNames: ['instance'],
  })
  const requests = new Counter({
    registers,
    name: `${prefix}http_requests_total`,
    help: 'Requests that were answered.',
    labelNames: ['group', 'status'],
  })

  return {
    observeJob(job, previous) {
      if (job.state === previous) return
      if (previous !== undefined && !isTerminal(previous)) jobsOpen.dec({ state: previous })
      if (!isTerminal(job.state)) {
        jobsOpen.inc({ state: job.state })
        return
      }
      const { workflow } = job
      const { queueMs, runMs, totalMs } = jobDurationsMs(job)
      jobsTotal.inc({ workflow, outcome: job.state })
      queueSeconds.observe({ workflow }, queueMs / 1000)
      if (runMs !== undefined) runSeconds.observe({ workflow }, runMs / 1000)
      totalSeconds.observe({ workflow }, totalMs / 1000)
    },
    observeInstance(instance, isUp) {
      instanceUp.set({ instance }, isUp ? 1 : 0)
    },
    observeRequest(route, status) {
      requests.inc({ group: routeGroup(route), status })
    },
    contentType: registry.contentType,
    render: () => registry.metrics(),
    close() {
      processMetrics.close()
    },
  }
}

/** First segment of a route's pattern, so that a caller cannot make up new label values. */
function routeGroup(route: string | undefined): string {
  if (route === undefined) return 'none'
  const [segment = ''] = route.split('/').filter((part) => part !== '')
  if (segment === '*' || segment.startsWith(':')) return 'workflow'
  return segment === '' ? 'root' : segment
}
