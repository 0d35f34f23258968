import type { Logger } from 'pino'

/**
 * Returns what writes one line for each answered request, or `undefined` where no such line would be written: below the
 * level `debug` nothing is done for it.
 */
export function createRequestLog(parent: Logger): ((request: object) => void) | undefined {
  if (!parent.isLevelEnabled('debug')) return undefined
  // The facts are chosen by the HTTP side, which gives no headers, no query and no body.
  const logger = parent.child({}, { redact: [] })
  return (request) => logger.debug(request, 'request answered')
}
