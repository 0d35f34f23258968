/**
 * Keeps the values of a label few: the first `max` that come are kept as they are, all others become `other`. Every
 * value of a label is a set of time series that a monitoring system keeps for ever.
 */
export function createLabelLimit(max: number): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.has(value)) return value
    if (known.size >= max) return 'other'
    known.add(value)
    return value
  }
}
