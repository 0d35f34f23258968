import { createRecentMap } from '../../lib/recent-map.ts'

/** So many requests at once, and again so many in each window after that. */
export interface RateLimit {
  readonly requests: number
  readonly windowSeconds: number
}

export interface RateVerdict {
  readonly isAllowed: boolean
  /** Requests that would be allowed now. */
  readonly remaining: number
  /** Seconds until all of them are available again. */
  readonly resetSeconds: number
  /** Seconds until one is; 0 while there are some. */
  readonly retryAfterSeconds: number
}

/** Counts requests by whose they are. */
export interface RequestRates {
  /** Counts one, if it is allowed: one that is refused costs nothing. */
  take(caller: string): RateVerdict
}

/** Callers of whom something is known; whoever was not seen for longest begins anew. */
const maxCallers = 100_000
/** Far below the time of any request: what adding up fractions may be off. */
const toleranceMs = 1e-6

/**
 * A bucket of tokens for each caller, kept as the time at which it would be full again. It is full at first, and filled
 * evenly over the window, so that a caller who was refused need not wait for all of it.
 */
export function createRequestRates({ requests, windowSeconds }: RateLimit, now: () => number): RequestRates {
  const windowMs = windowSeconds * 1000
  const costMs = windowMs / requests
  const fullAtMs = createRecentMap<string, number>(maxCallers)

  return {
    take(caller) {
      const nowMs = now()
      // Never more than a window ahead, should the clock have been put back.
      const missingMs = Math.min(windowMs, Math.max(0, (fullAtMs.get(caller) ?? 0) - nowMs))
      const isAllowed = missingMs + costMs <= windowMs + toleranceMs
      const nowMissingMs = isAllowed ? missingMs + costMs : missingMs
      fullAtMs.set(caller, nowMs + nowMissingMs)
      const remaining = Math.floor((windowMs - nowMissingMs + toleranceMs) / costMs)
      return {
        isAllowed,
        remaining,
        resetSeconds: Math.ceil(nowMissingMs / 1000),
        retryAfterSeconds: remaining > 0 ? 0 : Math.max(1, Math.ceil((nowMissingMs + costMs - windowMs) / 1000)),
      }
    },
  }
}
