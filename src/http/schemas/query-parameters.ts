import { z } from 'zod'
import { nearestName } from '../../lib/nearest-name.ts'

/** The parameters of a query: no others are taken, and the refusal of one says which there are. */
export function queryParameters<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined
      const [key = ''] = issue.keys
      const near = nearestName(key, names)
      const hint = near === undefined ? `there are ${names.join(', ')}` : `did you mean \`${near}\`?`
      return `unknown query parameter ${JSON.stringify(key.slice(0, 100))}; ${hint}`
    },
  })
}

/** A whole number in a query. */
export function queryNumber(min: number, max: number) {
  const error = `must be one whole number from ${min} to ${max}`
  return z.coerce.number({ error }).int(error).min(min, error).max(max, error)
}
