import type { IncomingHttpHeaders } from 'node:http'

/** The subprotocol that is spoken. The only one that an answer ever names. */
export const eventProtocol = 'comfyui-api'

/** Before the key of a caller, as base64url without padding: browsers can set no other header of a WebSocket. */
const keyProtocolPrefix = 'comfyui-api.key.'

export function offeredProtocols(headers: IncomingHttpHeaders): readonly string[] {
  const header = headers['sec-websocket-protocol']
  return header === undefined ? [] : header.split(',').map((protocol) => protocol.trim())
}

/** The key that a caller sent as a subprotocol. */
export function keyOfSubprotocol(headers: IncomingHttpHeaders): string | undefined {
  const offered = offeredProtocols(headers).find((protocol) => protocol.startsWith(keyProtocolPrefix))
  if (offered === undefined) return undefined
  const key = Buffer.from(offered.slice(keyProtocolPrefix.length), 'base64url').toString('utf8')
  return key === '' ? undefined : key
}
