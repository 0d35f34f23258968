import { isIP, isIPv6 } from 'node:net'

/** Whether a `Host` header is one this server answers to: the defence against DNS re-binding. */
export type HostCheck = (host: string | undefined) => boolean

const anyAddress = new Set(['0.0.0.0', '::'])

/** Whether a request names more than one host: what is in front of this server may have checked another than we do. */
export function hasSeveralHosts(rawHeaders: readonly string[]): boolean {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    if (name?.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count > 1
}

/**
 * Allowed are loopback, the bound host and the listed names. A server bound to every address answers to any IP address
 * as well: no name has to be resolved for one, so none can be re-bound. A listed name with a port is allowed with that
 * port only; `*` allows everything.
 */
export function createHostCheck(options: { boundHost: string; allowedHosts: readonly string[] }): HostCheck {
  const allowed = new Set(options.allowedHosts.map((host) => host.toLowerCase()))
  const boundHost = bare(options.boundHost.toLowerCase())
  const isBoundToAll = anyAddress.has(boundHost)
  return (header) => {
    const host = header?.toLowerCase()
    if (host === undefined || host === '') return false
    const name = nameOf(host)
    if (name === undefined) return false
    return (
      isLoopbackName(name) ||
      name === boundHost ||
      (isBoundToAll && isIP(name) !== 0) ||
      allowed.has('*') ||
      allowed.has(name) ||
      allowed.has(host) ||
      allowed.has(`[${name}]`)
    )
  }
}

/** The host without port and brackets; `undefined` when it is malformed. */
function nameOf(host: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/.exec(host) ?? []
  if (bracketed !== undefined) return isIPv6(bracketed) ? bracketed : undefined
  return plain?.replace(/\.$/, '')
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

function isLoopbackName(name: string): boolean {
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    (isIP(name) === 4 && name.startsWith('127.'))
  )
}
