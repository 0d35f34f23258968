import type { DefinedInput } from './defined-input.ts'
import type { Widget, WidgetReading } from './widget.ts'

export const customCombo = 'CustomCombo'

const choiceSlots = 2

/**
 * CustomCombo keeps its own choices among its values: `choice, index, option1, …, ''`. The prompt has all of them, the
 * empty one at the end included, and the position of the choice; the saved position is not trusted.
 */
export function readCustomCombo(values: readonly unknown[]): WidgetReading {
  const [choice] = values
  const options = values.slice(choiceSlots)
  if (options.at(-1) !== '') options.push('')
  const parts = [
    widget('choice', 'COMBO', choice ?? undefined),
    widget('index', 'INT', choice === undefined || choice === null ? -1 : options.indexOf(choice)),
    ...options.map((value, index) => widget(`option${index + 1}`, 'STRING', value)),
  ]
  return { parts, mismatches: [], unknownOptions: [], rest: [], leftOver: [] }
}

function widget(name: string, type: string, value: unknown): Widget {
  const input: DefinedInput = { name, spec: [type, {}], isRequired: name === 'choice' }
  return { kind: 'widget', name, input, value, isSent: true, hasSocket: true }
}
