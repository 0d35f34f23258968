import { isIP } from 'node:net'
import { z } from 'zod'
import type { ValueKind } from './setting.ts'

/** What may be fetched for callers: a name, all names below one, or a network. */
export type UrlAllowance = {
  /** 80 and 443 when undefined. */
  readonly port: number | undefined
} & (
  | { readonly kind: 'host'; readonly host: string }
  | { readonly kind: 'suffix'; readonly host: string }
  | { readonly kind: 'network'; readonly network: string }
)

export const urlAllowance: ValueKind<UrlAllowance> = {
  schema: z.string().transform((text, context) => {
    const allowance = parseAllowance(text)
    if (allowance !== undefined) return allowance
    context.addIssue('not a host')
    return z.NEVER
  }),
  rule: 'a host, all hosts below a name, or a network, with a port or without, such as cdn.example.com, *.example.com:8443 or 10.0.0.0/8',
}

function parseAllowance(text: string): UrlAllowance | undefined {
  // IPv6 stands in brackets, or alone.
  const [, bracketed, length, portText] = /^\[([^\]]+)\](\/\d{1,3})?(?::(\d{1,5}))?$/.exec(text) ?? []
  if (bracketed !== undefined) return parseNetwork(`${bracketed}${length ?? ''}`, readPort(portText))
  const alone = parseNetwork(text, undefined)
  if (alone !== undefined) return alone
  const [, name, port] = /^([^:]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  if (name === undefined) return undefined
  return parseNetwork(name, readPort(port)) ?? parseName(name, readPort(port))
}

/** `undefined` where none was given, NaN where it is none. */
function readPort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const port = Number(text)
  return port >= 1 && port <= 65_535 ? port : Number.NaN
}

function parseNetwork(network: string, port: number | undefined): UrlAllowance | undefined {
  const [address = '', length, ...more] = network.split('/')
  const family = isIP(address)
  if (family === 0 || address.includes('%') || more.length > 0 || Number.isNaN(port)) return undefined
  if (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128)))
    return undefined
  return { kind: 'network', network, port }
}

/** Names of other scripts are compared as the URL has them. */
function parseName(text: string, port: number | undefined): UrlAllowance | undefined {
  const [, wildcard, name = ''] = /^(\*?\.)?([^*/?#@\\:]+)$/.exec(text) ?? []
  const host = URL.parse(`https://${name}/`)?.hostname.replace(/\.$/, '')
  if (host === undefined || isIP(host) !== 0 || !/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(host) || Number.isNaN(port))
    return undefined
  return { kind: wildcard === undefined ? 'host' : 'suffix', host, port }
}
