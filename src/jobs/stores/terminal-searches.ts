import { terminalJobStates, type JobState } from '../job.ts'
import type { JobQuery } from '../job-store.ts'

/** A statement over the terminal jobs that gives `seq`, `created_at_ms` and `id`, newest first. */
export interface TerminalSearch {
  readonly text: string
  readonly values: readonly (string | number)[]
}

/**
 * The searches that find what a query asks for among the terminal jobs: each gives the newest of its part, and the parts
 * do not overlap. Each follows one index in the order of the list and stops at the limit, so none of them reads more
 * than a page, but for those by tag, which pass over what other conditions leave out. The texts depend only on which
 * conditions there are.
 *
 * @param findWorkflows names of workflows that have terminal jobs, by their beginning
 */
export function terminalSearches(query: JobQuery, findWorkflows: (prefix: string) => string[]): TerminalSearch[] {
  const states = terminalJobStates.filter((state) => query.states?.includes(state) ?? true)
  if (states.length === 0) return []
  const [tag, ...otherTags] = new Set(query.tags)
  if (tag !== undefined) return [searchTag(tag, otherTags, states, query)]
  const { workflow, workflowPrefix = '' } = query
  if (workflow === undefined && workflowPrefix === '') {
    if (states.length === terminalJobStates.length) return [searchJobs('jobs_by_creation', [], query)]
    return states.map((state) => searchJobs('jobs_by_state', [['state = ?', state]], query))
  }
  const workflows = workflow === undefined ? findWorkflows(workflowPrefix) : [workflow]
  return workflows
    .filter((name) => name.startsWith(workflowPrefix))
    .flatMap((name) =>
      states.map((state) =>
        searchJobs(
          'jobs_by_workflow',
          [
            ['workflow = ?', name],
            ['state = ?', state],
          ],
          query,
        ),
      ),
    )
}

type Condition = readonly [text: string, ...values: (string | number)[]]

function searchJobs(index: string, conditions: readonly Condition[], query: JobQuery): TerminalSearch {
  return search(`jobs INDEXED BY ${index}`, [['completed_at_ms IS NOT NULL'], ...conditions, ...timesOf(query)], query)
}

function searchTag(
  tag: string,
  otherTags: readonly string[],
  states: readonly JobState[],
  query: JobQuery,
): TerminalSearch {
  const { workflow, workflowPrefix } = query
  const conditions: Condition[] = [['tag = ?', tag]]
  if (states.length < terminalJobStates.length) {
    conditions.push([`state IN (${states.map(() => '?').join(', ')})`, ...states])
  }
  if (workflow !== undefined) conditions.push(['workflow = ?', workflow])
  if (workflowPrefix !== undefined) {
    conditions.push(['substr(workflow, 1, length(?)) = ?', workflowPrefix, workflowPrefix])
  }
  for (const other of otherTags) {
    const sameJob = 'other.tag = ? AND other.created_at_ms = one.created_at_ms AND other.id = one.id'
    conditions.push([`EXISTS (SELECT 1 FROM job_tags AS other WHERE ${sameJob})`, other])
  }
  return search('job_tags AS one', [...conditions, ...timesOf(query)], query)
}

function search(source: string, conditions: readonly Condition[], { limit }: JobQuery): TerminalSearch {
  const where = conditions.map(([text]) => text).join(' AND ')
  return {
    text: `SELECT seq, created_at_ms, id FROM ${source} WHERE ${where} ORDER BY created_at_ms DESC, id DESC LIMIT ?`,
    values: [...conditions.flatMap(([, ...values]) => values), limit],
  }
}

/** Of two upper bounds only the tighter one, so that the search can begin there. */
function timesOf({ createdAfterMs, createdBeforeMs, after }: JobQuery): Condition[] {
  const conditions: Condition[] = []
  if (createdAfterMs !== undefined) conditions.push(['created_at_ms > ?', createdAfterMs])
  if (after !== undefined && (createdBeforeMs === undefined || after.createdAtMs < createdBeforeMs)) {
    conditions.push(['(created_at_ms, id) < (?, ?)', after.createdAtMs, after.id])
  } else if (createdBeforeMs !== undefined) {
    conditions.push(['created_at_ms < ?', createdBeforeMs])
  }
  return conditions
}
