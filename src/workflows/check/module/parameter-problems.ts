import type { NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import type { DeclaredInput } from '../../../comfyui/wire/verdict/compile-node.ts'
import { declaredInputs } from '../../../comfyui/wire/verdict/declared-inputs.ts'
import { dottedName } from '../../../lib/json-pointer.ts'
import type { CheckProblem } from '../check-problem.ts'
import { newerInput } from './newer-input.ts'
import type { ExploredWorkflow } from './explore-workflow.ts'
import type { InputPlace, ProbedParameter } from './probe-parameters.ts'
import { listed, shown } from '../words.ts'
import { maxTriedNumber, type WorkflowParameter } from './workflow-parameters.ts'

type Explored = Pick<ExploredWorkflow, 'probed' | 'namingFiles' | 'isComplete'>

/** What is wrong with the parameters of a workflow themselves: dead ones, and those that take more than their nodes. */
export function parameterProblems(explored: Explored, catalogue: NodeCatalogue): readonly CheckProblem[] {
  const dead = explored.probed.filter(({ isTried, isAlive }) => isTried && !isAlive && explored.isComplete)
  const isInsideOfDead = ({ parameter: { pointer } }: ProbedParameter): boolean =>
    dead.some(({ parameter }) => pointer.startsWith(`${parameter.pointer}/`))
  const problems = explored.probed.flatMap((probed) => [
    ...(dead.includes(probed) && !isInsideOfDead(probed) ? [deadParameter(probed, explored)] : []),
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
  const severity = idle.some(({ undeclared }) => undeclared === 'probably') ? 'note' : 'warning'
  return { ...problem, severity, message, fix: 'Use it in the graph, or leave it out.' }
}

function describeIdle({ node, classType, input, undeclared }: ProbedParameter['idle'][number]): string {
  const name = `node ${node} (${classType})`
  if (undeclared !== 'no' && input !== undefined) return `input ${input} of ${name}, and the class has no such input`
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
  const newer = newerInput(place.classType, place.input)?.choices
  const isNewer = values.every((value) => newer?.has(value) === true)
  return {
    severity: isNewer ? 'note' : 'warning',
    kind: 'refused',
    code: 'unlisted_choice',
    node: place.node,
    classType: place.classType,
    input: place.input,
    parameter: pointer,
    value: values.length === 1 ? values[0] : values,
    message: `${dottedName(pointer)} offers ${names}, and ${describePlace(place)} does not have ${values.length === 1 ? 'it' : 'them'} (${source}): a caller who chooses it is refused.`,
    fix: isNewer ? 'Newer releases of ComfyUI have them.' : `Take ${which} out of the choices.`,
  }
}

function limitProblems({ parameter, tooWide, feeds }: ProbedParameter, catalogue: NodeCatalogue): CheckProblem[] {
  if (parameter.kind !== 'number') return []
  const narrower = new Map<string, InputPlace & Limits>()
  for (const place of tooWide.values()) narrower.set(rangeText(place), place)
  for (const place of feeds.values()) {
    const input = place.isDirect ? inputOf(place, catalogue) : undefined
    if (input !== undefined && exceeds(untriedLimits(parameter), input))
      narrower.set(rangeText(input), { ...place, ...input })
  }
  return [...narrower.values()].map((place) => limitProblem(parameter, place))
}

function limitProblem(parameter: WorkflowParameter, place: InputPlace & Limits): CheckProblem {
  const { pointer, minimum, maximum } = parameter
  const name = dottedName(pointer)
  const own = rangeText({ min: minimum, max: maximum })
  const takes = `${describePlace(place)} takes ${rangeText(place)}`
  const { node, classType, input } = place
  const base = { node, classType, input, parameter: pointer }
  const isWritten =
    (minimum !== undefined && place.min !== undefined && minimum < place.min) ||
    (maximum !== undefined && place.max !== undefined && maximum > place.max)
  // Within its limits it may be made into what the node does not take.
  const isInside = !exceeds(parameter, place)
  return isWritten || isInside
    ? {
        severity: 'warning',
        kind: 'refused',
        code: 'range_too_wide',
        ...base,
        message: `${name} may be ${own}, and ${takes}: a caller could be refused.`,
        fix: isInside ? 'Narrow its limits.' : `Narrow its limits: ${zodLimits(place)}.`,
      }
    : {
        severity: 'note',
        kind: 'flawed',
        code: 'unlimited_parameter',
        ...base,
        message: `${name} may be ${own}, and ${takes}: only ComfyUI says so to a caller.`,
        fix: `Say so in the schema: ${zodLimits(place)}.`,
      }
}

/** Limits whose values were tried say nothing more: a module may do something else with them than with others. */
function untriedLimits({ minimum, maximum, ...rest }: WorkflowParameter): WorkflowParameter {
  const isTried = (limit: number): boolean => Math.abs(limit) <= maxTriedNumber
  return {
    ...rest,
    ...(minimum !== undefined && { minimum: isTried(minimum) ? Number.POSITIVE_INFINITY : minimum }),
    ...(maximum !== undefined && { maximum: isTried(maximum) ? Number.NEGATIVE_INFINITY : maximum }),
  }
}

function exceeds(parameter: WorkflowParameter, { min, max }: Limits): boolean {
  const { minimum, maximum } = parameter
  const isBelow = min !== undefined && (minimum ?? implied(parameter, -1)) < min
  return isBelow || (max !== undefined && (maximum ?? implied(parameter, 1)) > max)
}

interface Limits {
  readonly min: number | bigint | undefined
  readonly max: number | bigint | undefined
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
