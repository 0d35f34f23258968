/** A map of bounded size: what was least recently set or read gives way. */
export interface RecentMap<Key, Value> {
  get(key: Key): Value | undefined
  has(key: Key): boolean
  set(key: Key, value: Value): void
  delete(key: Key): void
}

/** @param weightOf counted against `maxWeight`; each entry counts 1 by default. An entry heavier than that is not kept. */
export function createRecentMap<Key, Value>(
  maxWeight: number,
  weightOf: (value: Value) => number = () => 1,
): RecentMap<Key, Value> {
  const entries = new Map<Key, Value>()
  let weight = 0

  function remove(key: Key): void {
    const value = entries.get(key)
    if (value === undefined) return
    entries.delete(key)
    weight -= weightOf(value)
  }

  return {
    get(key) {
      const value = entries.get(key)
      if (value === undefined) return undefined
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    has: (key) => entries.has(key),
    set(key, value) {
      remove(key)
      const added = weightOf(value)
      if (added > maxWeight) return
      entries.set(key, value)
      weight += added
      for (const oldest of entries.keys()) {
        if (weight <= maxWeight) break
        remove(oldest)
      }
    },
    delete: remove,
  }
}
