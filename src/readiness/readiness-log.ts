import type { WorkflowCheck } from '../workflows/check/module/check-workflow.ts'
import { describeProblem } from './describe-problem.ts'

/** The part of a pino logger that is used here. */
export interface ReadinessLogger {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export interface ReadinessLog {
  /** The checks of a workflow, one for each set of nodes. */
  note(name: string, checks: readonly WorkflowCheck[]): void
  /** The check itself failed. */
  fail(name: string, error: unknown): void
  /** The workflow is gone. */
  forget(name: string): void
  /** Everything is checked. */
  sum(counts: { readonly ready: number; readonly notReady: number; readonly unknown: number }, workflows: number): void
}

/** Longer lists are for `GET /workflows/{name}` and `comfyui-api check`. */
const maxLogged = 3

/** Says what checks found, and nothing twice. */
export function createReadinessLog(logger: ReadinessLogger): ReadinessLog {
  const noted = new Map<string, string>()
  let summed = ''

  return {
    note(name, checks) {
      if (checks.length === 0) return
      const errors = errorsOf(checks)
      const before = noted.get(name)
      const now = errors.join('\n')
      if (now === (before ?? '')) return
      noted.set(name, now)
      const file = checks[0]?.file
      if (errors.length === 0) logger.info({ workflow: name, file }, 'workflow has no errors any more')
      else logger.warn({ workflow: name, file, errors: errors.length, first: firstOf(errors) }, 'workflow has errors')
    },
    fail(name, err) {
      logger.error({ workflow: name, err }, 'workflow could not be checked')
    },
    forget(name) {
      noted.delete(name)
    },
    sum({ ready, notReady, unknown }, workflows) {
      const withErrors = [...noted.values()].filter((text) => text !== '').length
      const facts = { workflows, ready, notReady, unknown, withErrors }
      const now = JSON.stringify(facts)
      if (now === summed) return
      summed = now
      logger.info(facts, 'workflows checked')
    },
  }
}

function errorsOf(checks: readonly WorkflowCheck[]): readonly string[] {
  const errors = checks.flatMap(({ problems }) => problems.filter(({ severity }) => severity === 'error'))
  return [...new Set(errors.map(describeProblem))]
}

function firstOf(errors: readonly string[]): readonly string[] {
  return errors.length > maxLogged ? [...errors.slice(0, maxLogged), `and ${errors.length - maxLogged} more`] : errors
}
