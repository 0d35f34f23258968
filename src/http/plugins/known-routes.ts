import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import { nearestName } from '../../lib/nearest-name.ts'
import type { WorkflowRegistry } from '../../workflows/served-workflow.ts'
import type { Links } from '../links.ts'

export interface KnownRoute {
  readonly method: string
  /** Fastify's pattern, such as `/jobs/:id`. */
  readonly url: string
  /** Not part of the documented surface. */
  readonly isHidden: boolean
}

/** Remembers the routes as they are registered, to say what is wrong with a request that matches none. */
export interface KnownRoutes {
  readonly list: readonly KnownRoute[]
  /** Why nothing answers here: `method_not_allowed`, `workflow_unavailable`, or `not_found` with the nearest address. */
  explainMiss(method: string, path: string): GatewayError
  /** Why there is no workflow of this name: `workflow_unavailable`, or `not_found` with the nearest name. */
  explainNoWorkflow(name: string): GatewayError
}

/** Routes that take every path: they say nothing about what there is. */
const catchAll = new Set(['/*', '*'])

export function rememberRoutes(
  app: FastifyInstance,
  registry: Pick<WorkflowRegistry, 'get' | 'list' | 'problems'>,
  links: Links,
): KnownRoutes {
  const list: KnownRoute[] = []
  const patterns: { readonly pattern: RegExp; readonly route: KnownRoute }[] = []
  app.addHook('onRoute', ({ method, url, schema }) => {
    const isHidden = schema?.hide ?? false
    for (const name of [method].flat()) {
      const route = { method: name, url, isHidden }
      list.push(route)
      if (!catchAll.has(url)) patterns.push({ pattern: toPattern(url), route })
    }
  })

  return {
    list,
    explainMiss(method, path) {
      const fixed = patterns.filter(({ pattern }) => pattern.test(path)).map(({ route }) => route.method)
      const name = path.slice(1)
      const allowed = fixed.length > 0 ? fixed : registry.get(name) === undefined ? [] : ['GET', 'HEAD', 'POST']
      if (allowed.length > 0 && !allowed.includes(method)) {
        const allow = [...new Set(allowed)].sort().join(', ')
        return new GatewayError('method_not_allowed', {
          detail: `${method} is not possible here; ${allow} is.`,
          headers: { allow },
        })
      }
      const unavailable = explainUnavailable(registry, name)
      if (unavailable !== undefined) return unavailable
      const addresses = [
        ...registry.list().map((workflow) => `/${workflow.name}`),
        ...list.filter((route) => !route.isHidden && !catchAll.has(route.url)).map((route) => route.url),
      ]
      const near = nearestName(path, addresses)
      return new GatewayError('not_found', {
        detail: `There is nothing at ${links.path(path).slice(0, 200)}. ${near === undefined ? `GET ${links.path('/workflows')} lists what there is.` : `Did you mean ${links.path(near)}?`}`,
      })
    },
    explainNoWorkflow(name) {
      const unavailable = explainUnavailable(registry, name)
      if (unavailable !== undefined) return unavailable
      const near = nearestName(
        name,
        registry.list().map((workflow) => workflow.name),
      )
      return new GatewayError('not_found', {
        detail: `There is no workflow ${name.slice(0, 200)}. ${near === undefined ? `GET ${links.path('/workflows')} lists what there is.` : `Did you mean ${near}?`}`,
      })
    },
  }
}

function explainUnavailable(registry: Pick<WorkflowRegistry, 'problems'>, name: string): GatewayError | undefined {
  const problem = registry.problems().find((candidate) => candidate.name === name && !candidate.servingPrevious)
  if (problem === undefined) return undefined
  return new GatewayError('workflow_unavailable', { detail: `${problem.file} cannot be served: ${problem.reason}` })
}

function toPattern(url: string): RegExp {
  const source = url
    .split('/')
    .map((segment) =>
      segment.startsWith(':') ? '[^/]+' : segment === '*' ? '.*' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('/')
  return new RegExp(`^${source}$`)
}
