import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import { addressBlock } from '../../lib/address-block.ts'
import { keyOfSubprotocol } from '../negotiation/subprotocols.ts'

/** Who calls, by the key they sent; the same for all when no key is asked for. */
export type CallerId = string

export const anonymous: CallerId = 'anonymous'

/** Whose a request is where callers have limits: those without a key are told apart by their network. */
export function callerOf({ callerId, ip }: Pick<FastifyRequest, 'callerId' | 'ip'>): string {
  return callerId === anonymous ? `${anonymous} ${addressBlock(ip)}` : callerId
}

/**
 * Finds out who calls. Keys are compared by digest, all of them, in constant time.
 * @throws GatewayError `unauthorized`
 */
export type KeyCheck = (headers: IncomingHttpHeaders) => CallerId

export function createKeyCheck(keys: readonly string[]): KeyCheck {
  if (keys.length === 0) return () => anonymous
  const known = keys.map((key) => ({ digest: digestOf(key), id: digestOf(key).toString('hex', 0, 8) }))
  return (headers) => {
    const presented = presentedKey(headers)
    if (presented === undefined) throw refusal('A key is needed.', 'Bearer realm="comfyui-api"')
    const digest = digestOf(presented)
    let caller: CallerId | undefined
    for (const key of known) if (timingSafeEqual(key.digest, digest)) caller = key.id
    if (caller !== undefined) return caller
    throw refusal('The key is not one of this server.', 'Bearer realm="comfyui-api", error="invalid_token"')
  }
}

function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  const [, bearer] = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? []
  const key = headers['x-api-key']
  if (bearer !== undefined || (typeof key === 'string' && key !== '')) return bearer ?? String(key)
  return headers.upgrade === undefined ? undefined : keyOfSubprotocol(headers)
}

function refusal(detail: string, challenge: string): GatewayError {
  return new GatewayError('unauthorized', {
    detail: `${detail} Send Authorization: Bearer <key> or X-API-Key: <key>.`,
    headers: { 'www-authenticate': challenge },
  })
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
