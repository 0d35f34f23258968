import type { FastifyReply } from 'fastify'

/** Names headers of the request that the answer depends on, beside those that are named already. */
export function varyBy(reply: FastifyReply, ...names: readonly string[]): void {
  const known = reply.getHeader('vary')
  reply.header('vary', [...(known === undefined ? [] : [String(known)]), ...names].join(', '))
}
