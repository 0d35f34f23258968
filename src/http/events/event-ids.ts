import { GatewayError } from '../../errors/gateway-error.ts'

/**
 * Ids of events as clients see them: `<epoch>-<number>`. Numbers begin anew with every process, so the epoch, which is
 * another one each time, keeps an id of an earlier process from being taken for one of this.
 */
export interface EventIds {
  format(number: number): string
  /** The number of an event of this epoch; `undefined` for every other id. */
  numberOf(id: string | undefined): number | undefined
}

export function createEventIds(epoch: string): EventIds {
  const prefix = `${epoch}-`
  return {
    format: (number) => prefix + String(number),
    numberOf: (id) => (id?.startsWith(prefix) ? Number(id.slice(prefix.length)) : undefined),
  }
}

/** What an id may look like. An id without an epoch is of a version that had none. */
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
