import { printKey, printLines, printNumber, printText } from './print-literal.ts'
import type { Call, Entry, Expression } from './source-expression.ts'
import { textWidth } from './text-width.ts'

export const lineWidth = 120
const step = '  '
/** A text after a shorter key stays beside it, however long it is. */
const shortKeyWidth = 5

/**
 * Source code as the formatter of the project would write it: on one line where that fits, else one part a line.
 * `column` is where the first line begins, `indent` the indentation of that line, `after` the width of what follows.
 */
export function printExpression(expression: Expression, indent: string, column: number, after: number): string {
  const flat = printFlat(expression)
  if (flat !== undefined && column + textWidth(flat) + after <= lineWidth) return flat
  switch (expression.kind) {
    case 'array':
      return printArray(expression.items, indent)
    case 'object':
      return printObject(expression, indent)
    case 'chain':
      return printChain(expression, indent)
    case 'wrapped': {
      const { opening, inner, closing } = expression
      return `${opening}${printExpression(inner, indent, column + opening.length, 0)}${closing}`
    }
    case 'text':
    case 'number':
    case 'code':
      return printLeaf(expression)
  }
}

function printLeaf(leaf: Extract<Expression, { kind: 'text' | 'number' | 'code' }>): string {
  switch (leaf.kind) {
    case 'text':
      return isLines(leaf.text) ? printLines(leaf.text) : printText(leaf.text)
    case 'number':
      return printNumber(leaf.value)
    case 'code':
      return leaf.code
  }
}

/** A text with lines in it is easier to read as such, unless all that it has is a line end. */
function isLines(text: string): boolean {
  return /\n./s.test(text.trimEnd()) && text.trim().includes('\n')
}

/** On one line; undefined where that cannot be. */
function printFlat(expression: Expression): string | undefined {
  switch (expression.kind) {
    case 'text':
    case 'number':
    case 'code': {
      const printed = printLeaf(expression)
      return printed.includes('\n') ? undefined : printed
    }
    case 'array': {
      if (isTable(expression.items)) return undefined
      const items = expression.items.map(printFlat)
      return items.includes(undefined) ? undefined : `[${items.join(', ')}]`
    }
    case 'object': {
      if (expression.entries.length === 0) return '{}'
      if (expression.layout !== undefined) return undefined
      const entries = expression.entries.map(({ key, value }) => {
        const flat = printFlat(value)
        return flat === undefined ? undefined : entryText(key, value, flat)
      })
      return entries.includes(undefined) ? undefined : `{ ${entries.join(', ')} }`
    }
    case 'chain': {
      if (mustBreak(expression.calls)) return undefined
      const calls = expression.calls.map(printCall)
      return calls.includes(undefined) ? undefined : `${expression.head}${calls.join('')}`
    }
    case 'wrapped': {
      const inner = printFlat(expression.inner)
      return inner === undefined ? undefined : `${expression.opening}${inner}${expression.closing}`
    }
  }
}

function entryText(key: string, value: Expression, printed: string): string {
  const isShorthand = value.kind === 'code' && value.code === key
  return isShorthand ? key : `${printKey(key)}: ${printed}`
}

function printCall({ name, argument }: Call): string | undefined {
  if (argument === undefined) return `.${name}()`
  const flat = printFlat(argument)
  return flat === undefined ? undefined : `.${name}(${flat})`
}

/** A function among the arguments puts every call of a longer chain on a line of its own. */
function mustBreak(calls: readonly Call[]): boolean {
  return calls.length > 2 && calls.some(({ argument }) => argument?.kind === 'code' && argument.code.includes('=>'))
}

/** Lists of lists, and of objects, of more than one each stand below each other. */
function isTable(items: readonly Expression[]): boolean {
  const [first] = items
  if (items.length < 2 || first === undefined) return false
  return items.every((item) => {
    if (item.kind === 'array') return first.kind === 'array' && item.items.length > 1
    return item.kind === 'object' && first.kind === 'object' && item.entries.length > 1
  })
}

function printArray(items: readonly Expression[], indent: string): string {
  const inner = indent + step
  if (items.length > 1 && items.every((item) => item.kind === 'number')) return fillNumbers(items, indent)
  const lines = items.map((item) => `${inner}${printExpression(item, inner, inner.length, 1)},`)
  return `[\n${lines.join('\n')}\n${indent}]`
}

/** As many numbers a line as it takes. */
function fillNumbers(items: readonly Extract<Expression, { kind: 'number' }>[], indent: string): string {
  const inner = indent + step
  const lines: string[] = []
  let line = inner
  items.forEach(({ value }, index) => {
    const printed = `${printNumber(value)}${index === items.length - 1 ? '' : ','}`
    if (line === inner) line += printed
    else if (line.length + 1 + printed.length <= lineWidth) line += ` ${printed}`
    else {
      lines.push(line)
      line = inner + printed
    }
  })
  return `[\n${[...lines, line].join('\n')},\n${indent}]`
}

function printObject({ entries, layout }: Extract<Expression, { kind: 'object' }>, indent: string): string {
  if (entries.length === 0) return '{}'
  const inner = indent + step
  const printed = entries.map((entry, index) => {
    const isApart = layout === 'paragraphs' && index > 0 && entry.isClose !== true
    return `${isApart ? '\n' : ''}${inner}${printEntry(entry, inner)},`
  })
  return `{\n${printed.join('\n')}\n${indent}}`
}

function printEntry({ key, value }: Entry, indent: string): string {
  const name = `${printKey(key)}: `
  const printed = entryText(key, value, printExpression(value, indent, indent.length + textWidth(name), 1))
  const isShort = textWidth(printKey(key)) < shortKeyWidth
  if (value.kind !== 'text' || isShort || printed.includes('\n')) return printed
  if (indent.length + textWidth(printed) + 1 <= lineWidth) return printed
  return `${printKey(key)}:\n${indent}${step}${printLeaf(value)}`
}

function printChain({ head, calls }: Extract<Expression, { kind: 'chain' }>, indent: string): string {
  // A head that is a call itself is one of them.
  const isShort = calls.length + (head.endsWith(')') ? 1 : 0) <= 2
  const inner = isShort ? indent : indent + step
  const lines = calls.map((call, index) => {
    const isLast = index === calls.length - 1
    const flat = printCall(call)
    if (flat !== undefined && (isShort ? !isLast : inner.length + textWidth(flat) <= lineWidth)) return flat
    return brokenCall(call, inner)
  })
  return isShort ? `${head}${lines.join('')}` : `${head}\n${lines.map((line) => inner + line).join('\n')}`
}

function brokenCall({ name, argument }: Call, indent: string): string {
  if (argument === undefined) return `.${name}()`
  if (argument.kind === 'array' || argument.kind === 'object') {
    return `.${name}(${printExpression(argument, indent, lineWidth, 0)})`
  }
  const inner = indent + step
  return `.${name}(\n${inner}${printExpression(argument, inner, inner.length, 1)},\n${indent})`
}
