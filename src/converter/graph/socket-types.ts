/** Whether a type takes everything. */
export function isAnyType(type: string): boolean {
  return type === '*' || type === '' || type === '0'
}

/** Whether two types can be connected: equal but for case, or lists with a common member. */
export function typesMatch(a: string, b: string): boolean {
  if (isAnyType(a) || isAnyType(b)) return true
  const members = new Set(a.toLowerCase().split(','))
  return b
    .toLowerCase()
    .split(',')
    .some((member) => members.has(member))
}
