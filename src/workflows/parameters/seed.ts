import { z } from 'zod'

/** Which seeds a node takes, where these are not all. */
export interface SeedLimits {
  readonly min?: number
  readonly max?: number
}

/**
 * A parameter that is a seed: a whole number from `min`, else 0, to `max`, else 2^53 - 1, the largest that JSON keeps
 * exact everywhere. Who sends none gets another one for each request.
 */
export function seed({ min = 0, max }: SeedLimits = {}): z.ZodDefault<z.ZodInt> {
  const from = z.int({ error: ({ code }) => (code === 'too_big' ? tooBig : undefined) }).min(min)
  const count = (max ?? Number.MAX_SAFE_INTEGER) - min + 1
  return (max === undefined ? from : from.max(max))
    .default(() => min + Math.floor(Math.random() * count))
    .describe('The same seed and parameters give the same result. Default: another one each time')
}

const tooBig = `must be at most ${Number.MAX_SAFE_INTEGER}, which is 2^53 - 1: larger whole numbers are not exact in JSON`
