import type { CheckProblem } from '../check-problem.ts'
import { sourceTokens, type SourceToken } from './source-tokens.ts'

/** A node that is written down in a module. */
interface WrittenNode {
  readonly id: string
  readonly classType: string
  readonly line: number
  /** Name → line; only names that stand there once. */
  readonly inputs: ReadonlyMap<string, number>
}

/** What is to be changed for them is the schema, not the graph. */
const ofSchema = new Set([
  'dead_parameter',
  'default_refused',
  'range_too_wide',
  'unlimited_parameter',
  'unlisted_choice',
])

/**
 * Adds to problems the line of the module where the input, the node or the parameter is written down. Where that cannot be
 * told for sure, because it stands there twice or not at all, there is none.
 */
export function findSourceLines(source: string, problems: readonly CheckProblem[]): readonly CheckProblem[] {
  const tokens = sourceTokens(source)
  if (tokens === undefined) return problems
  let nodes: readonly WrittenNode[] | undefined
  return problems.map((problem) => {
    if (problem.line !== undefined) return problem
    nodes ??= writtenNodes(tokens)
    const line = ofSchema.has(problem.code) ? parameterLine(tokens, problem) : nodeLine(nodes, problem)
    return line === undefined ? problem : { ...problem, line }
  })
}

function nodeLine(nodes: readonly WrittenNode[], { node, classType, input }: CheckProblem): number | undefined {
  if (node === undefined) return undefined
  const [found, ...more] = nodes.filter((each) => each.id === node && [each.classType, undefined].includes(classType))
  if (found === undefined || more.length > 0) return undefined
  return (input === undefined ? undefined : found.inputs.get(input)) ?? found.line
}

function writtenNodes(tokens: readonly SourceToken[]): readonly WrittenNode[] {
  const nodes: WrittenNode[] = []
  for (const [index, token] of tokens.entries()) {
    const id = isSign(token, '{') ? keyBefore(tokens, index) : undefined
    if (id === undefined) continue
    const members = membersOf(tokens, index)
    const [written, ...others] = members.get('class_type') ?? []
    const classType = written === undefined ? undefined : tokens[written.valueAt]
    if (classType?.kind !== 'string' || others.length > 0) continue
    const [inputs] = members.get('inputs') ?? []
    const named = inputs !== undefined && isSign(tokens[inputs.valueAt], '{') ? membersOf(tokens, inputs.valueAt) : []
    const lines = [...named].flatMap(([name, [first, ...more]]): [string, number][] =>
      first === undefined || more.length > 0 ? [] : [[name, first.line]],
    )
    nodes.push({ id: id.text, classType: classType.text, line: id.line, inputs: new Map(lines) })
  }
  return nodes
}

/** What an object belongs to: `'8': {`, `['8']: {` or `graph['8'] = {`. */
function keyBefore(tokens: readonly SourceToken[], brace: number): SourceToken | undefined {
  const sign = tokens[brace - 1]
  const key = tokens[brace - 2]
  if (sign === undefined || key === undefined) return undefined
  if (isSign(sign, ':') && key.kind !== 'sign') return key
  const inner = tokens[brace - 3]
  const isComputed = (isSign(sign, ':') || isSign(sign, '=')) && isSign(key, ']') && inner?.kind === 'string'
  return isComputed && isSign(tokens[brace - 4], '[') ? inner : undefined
}

interface Member {
  readonly line: number
  /** Index of the token that its value begins with; of the short form its name. */
  readonly valueAt: number
}

/** The members directly in the object that begins here. */
function membersOf(tokens: readonly SourceToken[], brace: number): ReadonlyMap<string, readonly Member[]> {
  const members = new Map<string, Member[]>()
  let depth = 0
  for (let index = brace; index < tokens.length; index += 1) {
    const token = tokens[index]
    if (token === undefined) break
    if (token.kind !== 'sign') {
      const before = tokens[index - 1]
      if (depth !== 1 || !(isSign(before, '{') || isSign(before, ','))) continue
      const member = { line: token.line, valueAt: isSign(tokens[index + 1], ':') ? index + 2 : index }
      members.set(token.text, [...(members.get(token.text) ?? []), member])
    } else if ('([{'.includes(token.text)) depth += 1
    else if (')]}'.includes(token.text)) depth -= 1
    if (depth === 0) break
  }
  return members
}

/** Where the schema says what a parameter is: `steps: z.int()`, or with a function of its own `image: image()`. */
function parameterLine(tokens: readonly SourceToken[], { parameter = '' }: CheckProblem): number | undefined {
  const name = parameter.split('/').findLast((step) => step !== '' && !/^\d+$/.test(step))
  if (name === undefined) return undefined
  const keys = tokens.flatMap((token, index) =>
    token.kind !== 'sign' && token.text === name && isSign(tokens[index + 1], ':') ? [index] : [],
  )
  const isZod = (index: number): boolean => tokens[index + 2]?.text === 'z' && isSign(tokens[index + 3], '.')
  const isCall = (index: number): boolean => tokens[index + 2]?.kind === 'name' && isSign(tokens[index + 3], '(')
  const schemas = keys.some(isZod) ? keys.filter(isZod) : keys.filter(isCall)
  const [index, ...more] = schemas
  return index === undefined || more.length > 0 ? undefined : tokens[index]?.line
}

function isSign(token: SourceToken | undefined, text: string): boolean {
  return token?.kind === 'sign' && token.text === text
}
