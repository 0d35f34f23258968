import type { FastifyReply } from 'fastify'

/**
 * Answers 304 to a caller who has the bytes of this tag. It says nothing of them beyond that: a cache would put it in
 * place of what it knows, so there is no content type, and no length, of a body that is not there.
 */
export function answerUnchanged(reply: FastifyReply, etag: string): void {
  reply.code(304).header('etag', etag).send()
}
