import { isTerminal, type Job, type JobAttempt, type JobState, type OpenJobs } from '../jobs/job.ts'
import { instanceLabel, type Instruments } from './instruments.ts'
import { jobDurationsMs } from './job-log.ts'
import { createLabelLimit } from './label-limit.ts'

export interface JobMetrics {
  readonly observeJob: (job: Job, previous: JobState | undefined) => void
  readonly observeAttempt: (attempt: JobAttempt) => void
  /** Takes what is open now, before a scrape is answered. */
  readonly setOpen: (open: OpenJobs) => void
}

/** 0.1 seconds to 30 minutes. */
const durationBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800]
/** Files in the workflow folders come and go; no more than this many names get time series of their own. */
const maxWorkflows = 500
const maxInstances = 200

export function createJobMetrics(instruments: Instruments, prefix: string): JobMetrics {
  const workflowOf = createLabelLimit(maxWorkflows)
  const instanceOf = createLabelLimit(maxInstances)
  const ended = instruments.counter({
    name: `${prefix}jobs_total`,
    help: 'Jobs that ended, by how they ended: succeeded, failed, canceled or expired.',
    labels: ['workflow', 'outcome'],
  })
  const duration = (name: string, help: string) =>
    instruments.histogram({
      name: `${prefix}${name}`,
      help,
      labels: ['workflow', 'outcome'],
      buckets: durationBuckets,
    })
  const queueDuration = duration(
    'job_queue_duration_seconds',
    'Time of ended jobs from acceptance to the start on an instance.',
  )
  const runDuration = duration('job_run_duration_seconds', 'Time that ended jobs ran on their last instance.')
  const totalDuration = duration(
    'job_duration_seconds',
    'Time of ended jobs from acceptance to the end, outputs stored.',
  )
  const attempts = instruments.counter({
    name: `${prefix}job_attempts_total`,
    help: 'Times that jobs were given to an instance, by what came of it. Lost means that the instance was at fault and the job may run again.',
    labels: [instanceLabel, 'outcome'],
  })
  const failovers = instruments.counter({
    name: `${prefix}job_failovers_total`,
    help: 'Attempts of jobs that had been on an instance before, because they were lost there or ran out of memory.',
    labels: ['workflow'],
  })
  const outOfMemory = instruments.counter({
    name: `${prefix}job_out_of_memory_total`,
    help: 'Attempts that ended because the GPU ran out of memory.',
    labels: ['workflow', instanceLabel],
  })
  const open = instruments.gauge({
    name: `${prefix}jobs_open`,
    help: 'Jobs that have not ended, by state: queued, running or canceling.',
    labels: ['state'],
  })
  const waiting = instruments.gauge({
    name: `${prefix}queue_depth`,
    help: 'Jobs that wait in the gateway because no instance has room for them.',
  })
  const oldest = instruments.gauge({
    name: `${prefix}queue_oldest_age_seconds`,
    help: 'How long ago the oldest job that waits in the gateway was accepted; 0 when none waits.',
  })

  return {
    observeJob(job, previous) {
      if (job.state === previous || !isTerminal(job.state)) return
      const labels = { workflow: workflowOf(job.workflow), outcome: job.state }
      const { queueMs, runMs, totalMs } = jobDurationsMs(job)
      ended.inc(labels)
      queueDuration.observe(labels, queueMs / 1000)
      if (runMs !== undefined) runDuration.observe(labels, runMs / 1000)
      totalDuration.observe(labels, totalMs / 1000)
    },
    observeAttempt({ job, instance: id, number, isAdopted, outcome, error }) {
      const instance = { [instanceLabel]: instanceOf(id) }
      attempts.inc({ ...instance, outcome })
      if (number > 1 && !isAdopted) failovers.inc({ workflow: workflowOf(job.workflow) })
      if (error?.code === 'out_of_memory') outOfMemory.inc({ workflow: workflowOf(job.workflow), ...instance })
    },
    setOpen({ queued, running, canceling, waiting: depth, oldestWaitingSinceMs }) {
      open.set({ state: 'queued' }, queued)
      open.set({ state: 'running' }, running)
      open.set({ state: 'canceling' }, canceling)
      waiting.set(depth)
      const nowMs = Date.now()
      oldest.set(Math.max(0, nowMs - (oldestWaitingSinceMs ?? nowMs)) / 1000)
    },
  }
}
