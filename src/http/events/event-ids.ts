import { GatewayError } from '../../errors/gateway-error.ts'
import type { Job } from '../../jobs/job.ts'

/** Ids of one sequence of events as clients see them. */
export interface EventIds {
  format(number: number): string
  /** The number of an event of this sequence; `undefined` for every other id. */
  numberOf(id: string | undefined): number | undefined
}

/**
 * Ids are `<sequence>-<number>`. Numbers begin anew with every sequence, whose name keeps an id of another one, such as
 * that of an earlier process, from being taken for one of this.
 */
export function createEventIds(sequence: string): EventIds {
  const prefix = `${sequence}-`
  return {
    format: (number) => prefix + String(number),
    numberOf: (id) => (id?.startsWith(prefix) ? Number(id.slice(prefix.length)) : undefined),
  }
}

/**
 * The name of the sequence that a job's events are. A job that was forgotten and one that was made under the same id
 * after that are two.
 *
 * @param epoch of the process, another one each time
 */
export function sequenceOfJob(epoch: string, job: Job): string {
  return epoch + job.times.createdAtMs.toString(36)
}

/** What an id may look like. Earlier versions had ids of a number alone. */
export const eventIdPattern = /^(?:[a-z0-9]{1,32}-)?\d{1,15}$/

/** @throws GatewayError `invalid_header` for what no server of ours ever sent; nothing sent is `undefined` */
export function parseLastEventId(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return undefined
  if (!eventIdPattern.test(header)) {
    throw new GatewayError('invalid_header', {
      detail: 'Last-Event-ID must be the id of an event, as it was received.',
    })
  }
  return header
}
