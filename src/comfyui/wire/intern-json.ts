import { isRecord } from '../../lib/json-record.ts'

export interface Interner {
  /** An equal value, the same object for all equal ones. Not to be changed: others hold it too. */
  intern(value: unknown): unknown
}

/**
 * Keeps equal parts of JSON values once.
 * @param drops which keys of objects are left out, at every depth
 */
export function createInterner(drops: (key: string, value: unknown) => boolean): Interner {
  const ids = new Map<unknown, number>()
  const known = new Map<string, unknown>()

  function idOf(value: unknown): number {
    let id = ids.get(value)
    if (id === undefined) {
      id = ids.size
      ids.set(value, id)
    }
    return id
  }

  function keep(key: string, value: unknown): unknown {
    const same = known.get(key)
    if (same !== undefined) return same
    known.set(key, value)
    return value
  }

  function intern(value: unknown): unknown {
    if (typeof value === 'string') return keep(`"${value}`, value)
    if (Array.isArray(value)) {
      const items = value.map(intern)
      return keep(`[${items.map(idOf).join()}`, items)
    }
    if (!isRecord(value)) return value
    const entries = Object.entries(value)
      .filter(([key, inner]) => !drops(key, inner))
      .map(([key, inner]) => [key, intern(inner)] as const)
    return keep(`{${entries.map(([key, inner]) => `${idOf(key)}:${idOf(inner)}`).join()}`, Object.fromEntries(entries))
  }

  return { intern }
}
