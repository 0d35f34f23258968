/** Source code to be laid out. */
export type Expression =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly value: number }
  /** What is written as it is: names, calls that stay on one line. */
  | { readonly kind: 'code'; readonly code: string }
  | { readonly kind: 'array'; readonly items: readonly Expression[] }
  | { readonly kind: 'object'; readonly entries: readonly Entry[]; readonly layout?: ObjectLayout }
  /** `z.string().min(1)`: a name or a call, then calls. */
  | { readonly kind: 'chain'; readonly head: string; readonly calls: readonly Call[] }
  /** `opening(…)closing`, around an object that always stands on lines of its own. */
  | { readonly kind: 'wrapped'; readonly opening: string; readonly inner: Expression; readonly closing: string }

/** `lines`: one entry a line, however short. `paragraphs`: with an empty line between them. */
export type ObjectLayout = 'lines' | 'paragraphs'

export interface Entry {
  readonly key: string
  readonly value: Expression
  /** Belongs to the entry before: no empty line between them. */
  readonly isClose?: boolean
}

export interface Call {
  readonly name: string
  readonly argument?: Expression
}

export const code = (text: string): Expression => ({ kind: 'code', code: text })
export const text = (value: string): Expression => ({ kind: 'text', text: value })
export const number = (value: number): Expression => ({ kind: 'number', value })

/** The expression that makes a JSON value. */
export function valueExpression(value: unknown): Expression {
  if (typeof value === 'string') return text(value)
  if (typeof value === 'number') return number(value)
  if (Array.isArray(value)) return { kind: 'array', items: value.map(valueExpression) }
  if (typeof value === 'object' && value !== null) {
    return {
      kind: 'object',
      entries: Object.entries(value).map(([key, inner]) => ({ key, value: valueExpression(inner) })),
    }
  }
  return code(String(value))
}
