import { GatewayError } from '../../errors/gateway-error.ts'
import { jobIdPattern, type Job } from '../../jobs/job.ts'

/** A place in the list of jobs. Opaque to callers. */
export function encodeCursor(job: Job): string {
  return Buffer.from(`${job.times.createdAtMs} ${job.id}`).toString('base64url')
}

/** @throws GatewayError `validation_error` */
export function decodeCursor(cursor: string): { createdAtMs: number; id: string } {
  const [, createdAt, id = ''] = /^(\d{1,15}) (.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (createdAt === undefined || !jobIdPattern.test(id)) {
    const message = 'is not a cursor of this server'
    throw new GatewayError('validation_error', {
      detail: `cursor ${message}`,
      errors: [{ pointer: '/cursor', code: 'invalid_cursor', message }],
    })
  }
  return { createdAtMs: Number(createdAt), id }
}
