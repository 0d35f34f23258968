import { GatewayError } from '../../errors/gateway-error.ts'

export const maxDepth = 64
const maxValues = 100_000
/** Media aside. */
export const maxStringLength = 1_048_576

/**
 * Refuses values nested too deeply or with too many members, before anything recursive touches them.
 * @throws GatewayError `too_complex`
 */
export function refuseComplexity(value: unknown): void {
  if (!isContainer(value)) return
  let level: object[] = [value]
  let values = 1
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > maxDepth)
      throw new GatewayError('too_complex', { detail: `The body is nested deeper than ${maxDepth} levels.` })
    const below: object[] = []
    for (const container of level) {
      const members = Array.isArray(container) ? container : Object.values(container)
      values += members.length
      if (values > maxValues)
        throw new GatewayError('too_complex', { detail: `The body holds more than ${maxValues} values.` })
      for (const member of members) if (isContainer(member)) below.push(member)
    }
    level = below
  }
}

/**
 * Refuses long strings. Call it when media were replaced, on what `refuseComplexity` let pass.
 * @throws GatewayError `too_complex`
 */
export function refuseLongStrings(value: unknown): void {
  const pending: unknown[] = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    if (typeof next === 'string' && next.length > maxStringLength) {
      throw new GatewayError('too_complex', { detail: `A text is longer than ${maxStringLength} characters.` })
    }
    if (isContainer(next)) for (const member of Object.values(next)) pending.push(member)
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Buffer.isBuffer(value)
}
