import type { NodeCatalogue } from '../../comfyui/wire/node-catalogue.ts'
import type { DeclaredInput } from '../../comfyui/wire/verdict/compile-node.ts'
import { declaredInputs } from '../../comfyui/wire/verdict/declared-inputs.ts'
import { dottedName } from '../../lib/json-pointer.ts'
import type { CheckProblem } from './check-problem.ts'
import type { ExploredWorkflow } from './explore-workflow.ts'
import type { InputPlace, ProbedParameter } from './probe-parameters.ts'
import { listed, shown } from './words.ts'
import type { WorkflowParameter } from './workflow-parameters.ts'

type Explored = Pick<ExploredWorkflow, 'probed' | 'namingFiles' | 'isComplete'>

/** What is wrong with the parameters of a workflow themselves: dead ones, and those that take more than their nodes. */
export function parameterProblems(explored: Explored, catalogue: NodeCatalogue): readonly CheckProblem[] {
  const problems = explored.probed.flatMap((probed) => [
    ...(probed.isTried && !probed.isAlive && explored.isComplete ? [deadParameter(probed, explored)] : []),
    ...[...probed.unlisted.values()].map((place) => unlistedChoices(probed.parameter, place, catalogue)),
    ...limitProblems(probed, catalogue),
  ])
  return explored.isComplete ? problems : [...problems, incomplete]
}

const incomplete: CheckProblem = {
  severity: 'note',
  kind: 'flawed',
  code: 'check_incomplete',
  message: 'Making its graphs takes long: not all of its switches were tried, and dead parameters are not told.',
}

function deadParameter({ parameter: { pointer }, idle }: ProbedParameter, { namingFiles }: Explored): CheckProblem {
  const name = dottedName(pointer)
  const problem = { kind: 'flawed', code: 'dead_parameter', parameter: pointer } as const
  if (namingFiles.has(pointer)) {
    const message = `${name} only says where files are saved, and the gateway chooses that itself.`
    return { ...problem, severity: 'note', message, fix: 'Leave it out.' }
  }
  const [place] = idle
  const reason = place === undefined ? '' : `: it only feeds ${describeIdle(place)}`
  const message = `${name} changes nothing that is run, whatever else is chosen${reason}.`
  return { ...problem, severity: 'warning', message, fix: 'Use it in the graph, or leave it out.' }
}

function describeIdle({ node, classType, input, isUndeclared }: ProbedParameter['idle'][number]): string {
  const name = `node ${node} (${classType})`
  if (isUndeclared && input !== undefined) return `input ${input} of ${name}, and the class has no such input`
  return `${name}, and no output needs what that makes`
}

function unlistedChoices(
  { pointer, values: all }: WorkflowParameter,
  place: InputPlace & { readonly values: ReadonlySet<unknown> },
  { source }: NodeCatalogue,
): CheckProblem {
  const values = [...place.values]
  const names = listed(values.map(shown))
  const which = values.length === all.length - 1 ? 'other values' : names
  return {
    severity: 'warning',
    kind: 'refused',
    code: 'unlisted_choice',
    node: place.node,
    classType: place.classType,
    input: place.input,
    parameter: pointer,
    value: values.length === 1 ? values[0] : values,
    message: `${dottedName(pointer)} offers ${names}, and ${describePlace(place)} does not have ${values.length === 1 ? 'it' : 'them'} (${source}): a caller who chooses it is refused.`,
    fix: `Take ${which} out of the choices.`,
  }
}

function limitProblems({ parameter, tooWide, feeds }: ProbedParameter, catalogue: NodeCatalogue): CheckProblem[] {
  if (parameter.kind !== 'number') return []
  const { pointer } = parameter
  const name = dottedName(pointer)
  const problems: CheckProblem[] = []
  const told = new Set<string>()
  const tell = (place: InputPlace, taken: Limits, isUnlimited: boolean): void => {
    const key = `${place.node}\0${place.input}`
    if (told.has(key)) return
    told.add(key)
    const base = { node: place.node, classType: place.classType, input: place.input, parameter: pointer }
    const takes = `${describePlace(place)} takes ${rangeText(taken)}`
    problems.push(
      isUnlimited
        ? {
            severity: 'note',
            kind: 'flawed',
            code: 'unlimited_parameter',
            ...base,
            message: `${name} takes ${rangeText(parameterLimits(parameter))}, and ${takes}: what is beyond is refused late.`,
            fix: `Say so in the schema: ${zodLimits(taken)}.`,
          }
        : {
            severity: 'warning',
            kind: 'refused',
            code: 'range_too_wide',
            ...base,
            message: `${name} may be ${rangeText(parameterLimits(parameter))}, and ${takes}: a caller could be refused.`,
            fix: `Narrow the schema: ${zodLimits(taken)}.`,
          },
    )
  }
  for (const place of tooWide.values()) tell(place, place, false)
  const { min: lowest, max: highest } = parameterLimits(parameter)
  for (const place of feeds.values()) {
    const input = place.isDirect ? inputOf(place, catalogue) : undefined
    if (input === undefined) continue
    const { min, max } = input
    const isBelow = min !== undefined && (lowest ?? implied(parameter, -1)) < min
    const isAbove = max !== undefined && (highest ?? implied(parameter, 1)) > max
    if (!isBelow && !isAbove) continue
    const isWritten = (isBelow && lowest !== undefined) || (isAbove && highest !== undefined)
    tell(place, { min, max }, !isWritten)
  }
  return problems
}

interface Limits {
  readonly min: number | bigint | undefined
  readonly max: number | bigint | undefined
}

function parameterLimits({ minimum, maximum }: WorkflowParameter): {
  min: number | undefined
  max: number | undefined
} {
  return { min: minimum, max: maximum }
}

/** The farthest value in one direction where nothing is written: whole numbers end where they are no longer exact. */
function implied({ isWholeNumber }: WorkflowParameter, sign: 1 | -1): number {
  return sign * (isWholeNumber === true ? Number.MAX_SAFE_INTEGER : Number.POSITIVE_INFINITY)
}

function inputOf({ classType, input }: InputPlace, catalogue: NodeCatalogue): DeclaredInput | undefined {
  const definition = catalogue.lookUp(classType)
  return definition && declaredInputs(definition, {}, false).find(({ name }) => name === input)
}

function rangeText({ min, max }: Limits): string {
  if (min === undefined && max === undefined) return 'any number'
  if (max === undefined) return `${String(min)} or more`
  return min === undefined ? `${String(max)} or less` : `${String(min)} to ${String(max)}`
}

function zodLimits({ min, max }: Limits): string {
  const parts = [
    ...(min === undefined ? [] : [`.min(${String(min)})`]),
    ...(max === undefined ? [] : [`.max(${String(max)})`]),
  ]
  return parts.join('')
}

function describePlace({ node, classType, input }: InputPlace): string {
  return `input ${input} of node ${node} (${classType})`
}
