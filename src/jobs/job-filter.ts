import type { Job, JobState } from './job.ts'

/** Some of all jobs. All of what is given must hold. */
export interface JobFilter {
  readonly states?: readonly JobState[]
  readonly workflow?: string
  /** What the name of the workflow begins with. */
  readonly workflowPrefix?: string
  /** A job must have all of them. */
  readonly tags?: readonly string[]
}

export function matchesFilter(job: Job, { states, workflow, workflowPrefix, tags }: JobFilter): boolean {
  if (states !== undefined && !states.includes(job.state)) return false
  if (workflow !== undefined && job.workflow !== workflow) return false
  if (workflowPrefix !== undefined && !job.workflow.startsWith(workflowPrefix)) return false
  return tags?.every((tag) => job.tags.includes(tag)) ?? true
}
