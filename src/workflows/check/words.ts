import { pythonJson } from '../../comfyui/wire/python-json.ts'

const maxShownLength = 80

/** A value as a person reads it in a sentence: JSON, cut where it is long. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, maxShownLength)) : pythonJson(value)
  if (typeof value === 'string' && value.length > maxShownLength) return `${text}…`
  return text.length > maxShownLength ? `${text.slice(0, maxShownLength)}…` : text
}

/** `a, b and 3 more`. */
export function listed(names: readonly string[], max = 5): string {
  const first = names.slice(0, max).join(', ')
  return names.length > max ? `${first} and ${names.length - max} more` : first
}

/** The type of an input or output in words; an enum is the list of its choices. */
export function typeName(type: unknown): string {
  return typeof type === 'string' ? type : 'a choice of a list'
}
