import type { ServedWorkflow, WorkflowRegistry } from '../../workflows/served-workflow.ts'
import { pathOf } from '../links.ts'

/** Segments as routes have them; the path is compared as it was sent, so no encoding gets around a rule. */
const workflowPathPattern = /^(?:\/[A-Za-z0-9](?:\.?[A-Za-z0-9_-])*)+$/

const prefix = '/workflows/'

/** Ends the address of a rendering. A workflow may end so too: what is rendered is what stands before the last one. */
export const renderSuffix = '/render'

/** What follows `/workflows/` in a request. Generated clients send the slashes of a parameter as `%2F`. */
export function namedWorkflow(url: string): string {
  return pathOf(url).slice(prefix.length).replaceAll(/%2f/gi, '/')
}

export function findWorkflow(registry: Pick<WorkflowRegistry, 'get'>, name: string): ServedWorkflow | undefined {
  return workflowPathPattern.test(`/${name}`) ? registry.get(name) : undefined
}
