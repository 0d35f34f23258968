import { isDeepStrictEqual } from 'node:util'
import { dottedName } from '../../../lib/json-pointer.ts'
import type { CheckProblem } from '../check-problem.ts'
import { shown } from '../words.ts'
import type { WorkflowParameter } from './workflow-parameters.ts'
import type { Choice, Trial, WorkflowTrials } from './workflow-trials.ts'

/** How many ways to come to a problem are told. */
const maxWays = 3

/**
 * Each problem of the trials once. What all graphs show stands as it is; of the others `when` says the smallest choice of
 * parameters that shows them.
 * @param parameters all of them, in the order of the schema
 * @param usual the value of a parameter that the trials start from
 */
export async function explainChoices(
  trials: WorkflowTrials,
  {
    parameters,
    usual,
  }: {
    readonly parameters: readonly Pick<WorkflowParameter, 'pointer' | 'values'>[]
    readonly usual: (choice: Choice) => unknown
  },
): Promise<readonly CheckProblem[]> {
  const pointers = parameters.map(({ pointer }) => pointer)
  const orderOf = ({ choices: [first] }: Trial): number => pointers.indexOf(first?.parameter.pointer ?? '')
  const all = trials.trials.toSorted((a, b) => a.choices.length - b.choices.length || orderOf(a) - orderOf(b))
  const found = new Map<string, { problem: CheckProblem; shownBy: Trial[] }>()
  for (const trial of all) {
    for (const problem of trial.problems) {
      const key = problemKey(problem)
      const known = found.get(key)
      if (known === undefined) found.set(key, { problem, shownBy: [trial] })
      else if (known.shownBy.at(-1) !== trial) known.shownBy.push(trial)
    }
  }
  const explained: CheckProblem[] = []
  for (const [key, { problem, shownBy }] of found) {
    const when = shownBy.length === all.length ? undefined : await explain(key, shownBy)
    explained.push(when === undefined ? problem : { ...problem, when })
  }
  return withoutEchoes(explained)

  async function explain(key: string, shownBy: readonly Trial[]): Promise<string> {
    if (shownBy.some(({ choices }) => choices.length === 0)) return describeUsual(key)
    const single = shownBy.flatMap(({ choices }) => (choices.length === 1 ? [choices] : []))
    if (single.length > 0) return describeWays(single)
    const [first] = shownBy
    return describeWays([await smallest(key, first?.choices ?? [])])
  }

  /** Leaves out one choice after the other, as long as the problem stays. */
  async function smallest(key: string, choices: readonly Choice[]): Promise<readonly Choice[]> {
    let needed = choices
    for (const choice of choices) {
      const fewer = needed.filter((each) => each !== choice)
      const trial = await trials.check(fewer)
      if (trial?.problems.some((problem) => problemKey(problem) === key) === true) needed = fewer
    }
    return needed
  }

  /** The defaults show it: which of them are needed for that, and which are as good as most other values. */
  async function describeUsual(key: string): Promise<string> {
    const away = new Map<string, Choice[]>()
    for (const { choices, problems } of all) {
      const [choice] = choices
      if (choice === undefined || choices.length > 1) continue
      if (problems.some((problem) => problemKey(problem) === key)) continue
      const { pointer } = choice.parameter
      away.set(pointer, [...(away.get(pointer) ?? []), choice])
    }
    const needed: string[] = []
    const common: string[] = []
    for (const [pointer, [choice, ...others]] of away) {
      if (choice === undefined) continue
      const values = parameters.find((each) => each.pointer === pointer)?.values ?? []
      const gone = [choice, ...others].map(({ value }) => value)
      if (await isShownByOther(key, choice, values, gone)) common.push(describeOthers(choice, gone))
      else needed.push(describeChoice({ ...choice, value: usual(choice) }))
    }
    const texts = needed.length > 0 ? needed : common
    return texts.length === 0 || texts.length > maxWays ? 'with the defaults' : `with ${texts.join(', ')}`
  }

  async function isShownByOther(
    key: string,
    choice: Choice,
    values: readonly unknown[],
    gone: readonly unknown[],
  ): Promise<boolean> {
    const isOther = (value: unknown): boolean =>
      value !== undefined && ![...gone, usual(choice)].some((known) => isDeepStrictEqual(known, value))
    for (const value of values.filter(isOther).slice(0, maxWays)) {
      const trial = await trials.check([{ ...choice, value }])
      if (trial?.problems.some((problem) => problemKey(problem) === key) === true) return true
    }
    return false
  }
}

/** Equal for what is the same problem, whichever graph shows it. */
export function problemKey({ code, kind, node, classType, input, value, parameter }: CheckProblem): string {
  return JSON.stringify([code, kind, node, classType, input, parameter, isLinkLike(value) ? undefined : value])
}

/** Without what is an error already, and in other graphs less than that. */
function withoutEchoes(problems: readonly CheckProblem[]): readonly CheckProblem[] {
  const placeOf = ({ node, input, value }: CheckProblem): string => JSON.stringify([node, input, value])
  const isPlaced = ({ node, input }: CheckProblem): boolean => node !== undefined && input !== undefined
  const errors = new Set(problems.filter(({ severity }) => severity === 'error').map(placeOf))
  return problems.filter(
    (problem) => problem.severity === 'error' || !isPlaced(problem) || !errors.has(placeOf(problem)),
  )
}

/** Where a link leads may depend on other choices. */
function isLinkLike(value: unknown): boolean {
  return Array.isArray(value)
}

function describeWays(ways: readonly (readonly Choice[])[]): string {
  const different = ways.filter(
    (way, index) => ways.findIndex((other) => isDeepStrictEqual(keysOf(other), keysOf(way))) === index,
  )
  const texts = different.slice(0, maxWays).map((way) => `with ${way.map(describeChoice).join(', ')}`)
  const more = different.length - texts.length
  return texts.join(' or ') + (more > 0 ? ` and ${more} more` : '')
}

/** Several values of one parameter count as one way. */
function keysOf(choices: readonly Choice[]): readonly string[] {
  return choices.map(({ parameter }) => parameter.pointer)
}

/** Few values hide the problem. */
function describeOthers({ parameter: { pointer } }: Choice, gone: readonly unknown[]): string {
  const values = gone.slice(0, maxWays).map((value) => (value === undefined ? 'absent' : shown(value)))
  return `${dottedName(pointer)} other than ${values.join(', ')}`
}

function describeChoice({ parameter: { pointer, sample }, value }: Choice): string {
  const name = dottedName(pointer)
  if (value !== undefined && value === sample) return `${name} given`
  return value === undefined ? `${name} absent` : `${name}=${shown(value)}`
}
