import { isPythonEqual } from './convert-value.ts'

/** The choices of an enum input. */
export interface ChoiceList {
  readonly all: readonly unknown[]
  /** As Python's `in`: `true` is 1, and lists are compared by what is in them. */
  has(value: unknown): boolean
}

const known = new WeakMap<readonly unknown[], ChoiceList>()

/** Prepared at the first call for a list; the list must not change after it. */
export function choiceList(all: readonly unknown[]): ChoiceList {
  let choices = known.get(all)
  if (choices === undefined) {
    choices = prepare(all)
    known.set(all, choices)
  }
  return choices
}

function prepare(all: readonly unknown[]): ChoiceList {
  let simple: ReadonlySet<unknown> | undefined
  return {
    all,
    has(value) {
      simple ??= new Set(all.map(withoutBoolean))
      if (simple.has(withoutBoolean(value))) return true
      const mayEqual = (typeof value === 'object' && value !== null) || typeof value === 'bigint'
      return mayEqual && all.some((choice) => isPythonEqual(choice, value))
    },
  }
}

function withoutBoolean(value: unknown): unknown {
  return typeof value === 'boolean' ? Number(value) : value
}
