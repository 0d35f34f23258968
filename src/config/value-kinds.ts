import { isIP } from 'node:net'
import { z } from 'zod'
import { isLoopback } from './is-loopback.ts'
import { Secret } from './secret.ts'
import type { ValueKind } from './setting.ts'

/** Where one ComfyUI answers. */
export interface ComfyuiAddress {
  /** Scheme, host and base path, without a trailing slash. */
  readonly url: string
  /** Value of the `Authorization` header, made from the credentials of the URL. */
  readonly authorization: Secret | undefined
}

export const comfyuiAddress: ValueKind<ComfyuiAddress> = {
  schema: z.string().transform((text, context) => {
    const address = parseComfyuiAddress(text)
    if (address !== undefined) return address
    context.addIssue('not an address of ComfyUI')
    return z.NEVER
  }),
  rule: 'an http:// or https:// address without a query, such as http://127.0.0.1:8188',
  show: showAddress,
}

/** A name or address, without scheme and port. IPv6 addresses may stand in brackets. */
export const hostName: ValueKind<string> = {
  schema: z
    .string()
    .transform((text) => text.replace(/^\[(.*)\]$/, '$1').toLowerCase())
    .refine((host) => isIP(host) !== 0 || /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(host)),
  rule: 'a host name or an IP address, without scheme and port',
}

/** A host name, or `*` for any. */
export const hostNameOrAny: ValueKind<string> = {
  schema: z.union([z.literal('*'), hostName.schema]),
  rule: `${hostName.rule}, or * for any`,
}

/** Segments that stay as they are in every address. */
const pathPattern = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)*\/?$/

/** Path below which everything is served, without a slash at the end; empty for the root. */
export const urlPath: ValueKind<string> = {
  schema: z
    .string()
    .startsWith('/')
    .regex(pathPattern)
    .transform((text) => text.replace(/\/$/, '')),
  rule: 'a path of letters, digits and . _ ~ -, such as /comfy',
}

/** Address under which others know this server, without a slash at the end. */
export const publicAddress: ValueKind<string> = {
  schema: z.string().transform((text, context) => {
    const address = parseComfyuiAddress(text)
    if (address?.authorization === undefined && address !== undefined && pathPattern.test(new URL(text).pathname))
      return address.url
    context.addIssue('not a public address')
    return z.NEVER
  }),
  rule: 'an http:// or https:// address without user, password and query, such as https://api.example.com/comfy',
  show: showAddress,
}

/** Where a key is sent: encrypted, unless it stays on this machine. Without a slash at the end. */
export const serviceAddress: ValueKind<string> = {
  schema: z.string().transform((text, context) => {
    const address = parseComfyuiAddress(text)
    if (address !== undefined && address.authorization === undefined) {
      const { protocol, hostname } = new URL(address.url)
      if (protocol === 'https:' || isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'))) return address.url
    }
    context.addIssue('not an address of a service')
    return z.NEVER
  }),
  rule: 'an https:// address without user, password and query, such as https://openrouter.ai/api/v1; http:// on this machine only',
  show: showAddress,
}

/** As services for language models call theirs. */
export const modelId: ValueKind<string> = {
  schema: z.string().regex(/^[\w./:@~+-]{1,200}$/),
  rule: 'the id of a model, such as openai/gpt-4.1-mini',
}

/** How many proxies a request came through, or the addresses and networks of proxies. */
export const proxies: ValueKind<number | readonly string[]> = {
  schema: z.union([
    z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(1).max(16)),
    z
      .string()
      .transform((text) => text.split(',').map((part) => part.trim()))
      .refine((parts) => parts.every(isNetwork)),
  ]),
  rule: 'a number of proxies from 1 to 16, or addresses and networks separated by commas, such as 10.0.0.0/8 or loopback',
}

/** An origin as browsers send it, or `*` for any. */
export const webOrigin: ValueKind<string> = {
  schema: z.string().transform((text, context) => {
    if (text === '*') return text
    const url = URL.parse(text)
    if (url !== null && /^https?:$/.test(url.protocol) && /^[^/]+\/\/[^/?#@*]+\/?$/.test(text)) return url.origin
    // Pages of desktop and mobile apps, which have a scheme of their own.
    if (url?.origin === 'null' && /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9._-]+$/.test(text)) return text
    context.addIssue('not an origin')
    return z.NEVER
  }),
  rule: 'a scheme and a host, such as https://app.example.com, or * for any',
}

/** So many requests in so much time. */
export interface Rate {
  readonly requests: number
  readonly windowSeconds: number
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

export const rate: ValueKind<Rate> = {
  schema: z.string().transform((text, context) => {
    const [, requests, count = '1', unit = ''] = /^(\d{1,6})\/(\d{0,4})([smh])$/.exec(text) ?? []
    const windowSeconds = Number(count || '1') * (secondsOf[unit] ?? 0)
    if (Number(requests) >= 1 && windowSeconds >= 1 && windowSeconds <= 86_400)
      return { requests: Number(requests), windowSeconds }
    context.addIssue('not a rate')
    return z.NEVER
  }),
  rule: 'a number of requests and a time up to 24h, such as 120/1m',
}

const pathSchema = z
  .string()
  .min(1)
  .refine((text) => !text.includes('\0'))

export const file: ValueKind<string> = { schema: pathSchema, rule: 'the path of a file' }
export const folder: ValueKind<string> = { schema: pathSchema, rule: 'the path of a folder' }
export const modelFile: ValueKind<string> = { schema: pathSchema, rule: 'the name of a model file as ComfyUI lists it' }

/** Whether there is one is for the workflow folders to say. */
export const workflowName: ValueKind<string> = {
  schema: z
    .string()
    .transform((text) => text.replace(/^\/|\.[cm]?[jt]s$/g, ''))
    .pipe(z.string().regex(/^[A-Za-z0-9][\w./-]*$/)),
  rule: 'the name of a workflow, such as flux/flux_depth',
}

/** What it means is for the simulator to say. */
export const faultText: ValueKind<string> = {
  schema: z.string().regex(/^\S+$/),
  rule: 'a fault of the simulator, such as crash-every=20; `docs/simulator.md` lists them',
}

/** Keys travel in a header, so only visible ASCII characters can be part of one. */
export function secretText(minLength: number): ValueKind<Secret> {
  return {
    schema: z
      .string()
      .min(minLength)
      .regex(/^[!-~]+$/)
      .transform((text) => new Secret(text)),
    rule: `at least ${String(minLength)} visible ASCII characters without spaces`,
    show: (text) => `a secret of ${String(text.length)} characters`,
  }
}

/** An address for a person, without what may be secret in it. */
export function showAddress(text: string): string {
  return JSON.stringify(text.replace(/^(.*?\/\/)?.*@/s, '$1***@').replace(/[?#].*$/s, '?***'))
}

/** An address, a network, or a name that Fastify has for some. */
function isNetwork(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const family = isIP(address)
  return family !== 0 && (length === undefined || Number(length) <= (family === 4 ? 32 : 128))
}

/** `undefined` for what is no address of a ComfyUI. */
export function parseComfyuiAddress(text: string): ComfyuiAddress | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol, host, pathname, search, hash, username, password } = new URL(text)
  if ((protocol !== 'http:' && protocol !== 'https:') || search !== '' || hash !== '') return undefined
  const url = `${protocol}//${host}${pathname.replace(/\/+$/, '')}`
  if (username === '' && password === '') return { url, authorization: undefined }
  const credentials = decodeCredentials(username, password)
  if (credentials === undefined) return undefined
  return { url, authorization: new Secret(`Basic ${Buffer.from(credentials).toString('base64')}`) }
}

function decodeCredentials(username: string, password: string): string | undefined {
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  } catch {
    return undefined
  }
}
