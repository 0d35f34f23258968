const matchType = 'COMFY_MATCHTYPE_V3'

/**
 * Whether an output may be linked to an input.
 * @param matchesAny whether `*` and match types go with every type
 */
export function typesMatch(received: unknown, wanted: unknown, matchesAny: boolean): boolean {
  if (isSame(received, wanted)) return true
  if (
    matchesAny &&
    [received, wanted].some((type) => members(type).some((name) => name === '*' || name === matchType))
  ) {
    return true
  }
  if (Array.isArray(received) && wanted === 'COMBO') return true
  if (typeof received !== 'string' || typeof wanted !== 'string') return false
  const accepted = members(wanted)
  return members(received).some((name) => accepted.includes(name))
}

function members(type: unknown): string[] {
  return typeof type === 'string' ? type.split(',').map((name) => name.trim()) : []
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (Array.isArray(a) && Array.isArray(b) && JSON.stringify(a) === JSON.stringify(b))
}
