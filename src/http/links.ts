/** The one place that makes addresses for callers, and that reads the paths they ask for. */
export interface Links {
  /** Address of the whole surface: absolute where the public one is known, else a path. */
  readonly server: string
  /** A route as a caller has to ask for it. */
  path(route: string): string
  /** The path that a request asked for, as its caller knows it. */
  asked(target: string): string
  job(id: string): string
  output(jobId: string, index: number): string
  asset(id: string): string
  /** The whole address of a route; `origin` stands in where the public address is not known. */
  absolute(route: string, origin: string): string
  /** The route, query included, that the target of a request means; `undefined` when it lies outside of the base path. */
  routeOf(target: string): string | undefined
}

export interface LinksOptions {
  /** Path below which requests arrive, such as `/comfy`; empty for the root of the host. */
  readonly basePath?: string | undefined
  /** Address under which callers know the server, without a slash at the end. Its path wins in links over `basePath`. */
  readonly publicUrl?: string | undefined
}

/** Load balancers ask the server itself, past every path that a proxy puts before. */
const probeRoutes = new Set(['/health', '/ready', '/metrics'])

export function createLinks({ basePath = '', publicUrl }: LinksOptions = {}): Links {
  const prefix = publicUrl === undefined ? basePath : new URL(publicUrl).pathname.replace(/\/+$/, '')
  const path = (route: string) => `${prefix}${route}`

  const routeOf = (absoluteOrPath: string) => {
    const target = originForm(absoluteOrPath)
    if (basePath === '') return target
    const rest = target.startsWith(basePath) ? target.slice(basePath.length) : undefined
    if (rest === '' || rest?.startsWith('?')) return `/${rest}`
    if (rest?.startsWith('/')) return rest
    return probeRoutes.has(pathOf(target)) ? target : undefined
  }

  return {
    server: publicUrl ?? (prefix === '' ? '/' : prefix),
    path,
    asked(target) {
      const route = routeOf(target)
      return route === undefined ? pathOf(target) : path(pathOf(route))
    },
    job: (id) => path(`/jobs/${id}`),
    output: (jobId, index) => path(`/jobs/${jobId}/outputs/${index}`),
    asset: (id) => path(`/assets/${id}`),
    absolute: (route, origin) => (publicUrl === undefined ? `${origin}${path(route)}` : `${publicUrl}${route}`),
    routeOf,
  }
}

const absoluteForm = /^https?:\/\/([^/?#]*)/i

/** The host that a request target names, which only targets for proxies do; they may come to any server (RFC 9112 §3.2.2). */
export function hostOfTarget(target: string): string | undefined {
  return absoluteForm.exec(target)?.[1]
}

/** The path of a request target. */
export function pathOf(target: string): string {
  return originForm(target).split('?', 1)[0] ?? ''
}

function originForm(target: string): string {
  if (target.startsWith('/')) return target
  const rest = target.replace(absoluteForm, '')
  return rest === target || rest.startsWith('/') ? rest : `/${rest}`
}
