import { z } from 'zod'
import { GatewayError, type FieldError } from '../../errors/gateway-error.ts'
import { pointerTo } from '../../lib/json-pointer.ts'
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

/** Reads a query where the route does not have its schema. @throws GatewayError `validation_error` */
export function readQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.infer<Schema> {
  const read = schema.safeParse(query)
  if (read.success) return read.data
  throw queryRefusal(
    read.error.issues.map(({ path, code, message }) => ({ pointer: pointerTo(...path), code, message })),
  )
}

/** The error for what is wrong with the parameters of a query, or of a path. */
export function queryRefusal(errors: readonly FieldError[]): GatewayError {
  const detail = errors.map(({ pointer = '', message }) => `${pointer.slice(1)} ${message}`.trim()).join('; ')
  return new GatewayError('validation_error', { detail, errors })
}

/** A parameter that may be given several times; commas separate values, too. */
export function queryList<Item extends z.ZodType>(item: Item) {
  const toItems = (given: unknown) =>
    given === undefined
      ? given
      : [given].flat().flatMap((text) => (typeof text === 'string' ? text.split(',') : [text]))
  return z.preprocess(toItems, z.array(item).optional())
}

/** A time in a query, as milliseconds. A `+` that was not encoded came as a space. */
export function queryTime() {
  const error = 'must be one RFC 3339 time, such as 2026-01-31T12:00:00Z'
  return z
    .preprocess(
      (given) => (typeof given === 'string' ? given.replace(/ (?=\d\d:\d\d$)/, '+') : given),
      z.iso.datetime({ offset: true, error }),
    )
    .transform((text) => Date.parse(text))
}

/** Something that is asked for in a query, or not. */
export function queryFlag() {
  return z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .transform((text) => text === 'true')
}

/** A whole number in a query. */
export function queryNumber(min: number, max: number) {
  const error = `must be one whole number from ${min} to ${max}`
  return z.coerce.number({ error }).int(error).min(min, error).max(max, error)
}
