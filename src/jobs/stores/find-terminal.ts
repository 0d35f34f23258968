import type { JobQuery } from '../job-store.ts'
import type { JobDatabase } from './job-database.ts'
import { jobRowSchema, placeRowSchema, workflowRowSchema } from './job-rows.ts'
import { sql } from './job-statements.ts'
import { terminalSearches } from './terminal-searches.ts'

/**
 * The snapshots of the terminal jobs that a query asks for, in its order: each search gives the newest of its part, and
 * of all of them the newest are read.
 * @throws GatewayError `storage_unavailable`
 */
export function findTerminal(database: JobDatabase, query: JobQuery): string[] {
  return terminalSearches(query, (prefix) => findWorkflows(database, prefix))
    .flatMap(({ text, values }) => database.all(text, ...values).map((row) => placeRowSchema.parse(row)))
    .sort((a, b) => b.created_at_ms - a.created_at_ms || (a.id < b.id ? 1 : -1))
    .slice(0, query.limit)
    .flatMap(({ seq }) => database.all(sql.selectSnapshot, seq))
    .map((row) => jobRowSchema.parse(row).snapshot)
}

/** Workflows of terminal jobs whose name begins like this: one step in the index for each. */
function findWorkflows(database: JobDatabase, prefix: string): string[] {
  const found: string[] = []
  for (let row = database.find(sql.selectFirstWorkflow, prefix); row !== undefined;) {
    const { workflow } = workflowRowSchema.parse(row)
    if (!workflow.startsWith(prefix)) break
    found.push(workflow)
    row = database.find(sql.selectNextWorkflow, workflow)
  }
  return found
}
