import { jobIdPattern, type Job } from '../../jobs/job.ts'
import { queryRefusal } from './query-parameters.ts'

/** A place in the list of jobs. Opaque to callers. */
export function encodeCursor(job: Job): string {
  return Buffer.from(`${job.times.createdAtMs} ${job.id}`).toString('base64url')
}

/** @throws GatewayError `validation_error` */
export function decodeCursor(cursor: string): { createdAtMs: number; id: string } {
  const [, createdAt, id = ''] = /^(\d{1,15}) (.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (createdAt === undefined || !jobIdPattern.test(id)) {
    throw queryRefusal([{ pointer: '/cursor', code: 'invalid_cursor', message: 'is not a cursor of this server' }])
  }
  return { createdAtMs: Number(createdAt), id }
}
