import { isIP } from 'node:net'
import { z } from 'zod'
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

const pathSchema = z
  .string()
  .min(1)
  .refine((text) => !text.includes('\0'))

export const file: ValueKind<string> = { schema: pathSchema, rule: 'the path of a file' }
export const folder: ValueKind<string> = { schema: pathSchema, rule: 'the path of a folder' }

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
