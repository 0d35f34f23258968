import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { applyChoice, ParameterChoiceError } from './apply-choice.ts'
import { customOptions, typeOf } from './parameter-type.ts'
import { describeParameter } from './describe-parameter.ts'
import type { ExportHints } from './export-hints.ts'
import { findCandidates, isFixed, type Candidate } from './find-candidates.ts'
import { nameOutputs } from './name-outputs.ts'
import { nameParameters } from './name-parameters.ts'
import { requiredModels, requiredPacks } from './name-requirements.ts'
import type { Parameter, ParameterDefault, ParameterPlan, ParameterTarget, ParameterType } from './parameter-plan.ts'
import { createPromptGraph, type PromptGraph } from './prompt-graph.ts'
import { sortCandidates } from './sort-candidates.ts'
import { summarise } from './summarise.ts'
import { traceTexts } from './trace-texts.ts'

export interface ParameterChoice {
  /** `node.input` or `node.input=name`: to be a parameter whatever the rules say. */
  readonly expose?: readonly string[]
  /** `node.input`, or the name of a parameter: to stay as it is in the workflow. */
  readonly hide?: readonly string[]
  /** Everything that can be one is a parameter. */
  readonly all?: boolean
}

export interface ChooseParametersOptions extends ParameterChoice {
  readonly lookUp: NodeLookup
  readonly hints?: ExportHints
}

/**
 * Chooses the request parameters of a prompt and what else its module says. The same prompt, definitions and hints give
 * the same plan, whatever the order of keys in them.
 * @throws ParameterChoiceError where `expose` or `hide` names what is not there
 */
export function chooseParameters(prompt: Prompt, options: ChooseParametersOptions): ParameterPlan {
  const hints = options.hints ?? {}
  const graph = createPromptGraph(prompt, options.lookUp, hints)
  const uses = traceTexts(graph)
  const { candidates, hiddenInputs } = applyChoice(findCandidates(graph, hints, uses), graph, options)
  const names = nameParameters(sortCandidates(candidates, graph), graph, uses)
  const sorted = sortCandidates(candidates, graph, names)
  const warnings: string[] = []
  const planned = sorted.flatMap((candidate) => {
    const name = names.get(candidate) ?? ''
    const parameter = planParameter(candidate, name, graph, hints, warnings)
    const targets = parameter.targets.filter(({ node, input }) => !hiddenInputs.has(`${node}.${input}`))
    return targets.length === 0 ? [] : [{ ...parameter, targets }]
  })
  const outputs = nameOutputs(graph, hints.appOutputs ?? [])
  return {
    ...summarise(hints, outputs),
    parameters: withoutHidden(planned, options.hide ?? [], graph),
    outputs,
    requiredNodes: requiredPacks(graph),
    requiredModels: requiredModels(graph, hints, uses),
    titles: new Map(graph.nodes.flatMap(({ id, title }) => (title === undefined ? [] : [[id, title] as const]))),
    warnings,
  }
}

function planParameter(
  candidate: Candidate,
  name: string,
  graph: PromptGraph,
  hints: ExportHints,
  warnings: string[],
): Parameter {
  const isRandom = candidate.kind === 'seed' && !(isFixed(candidate, hints) && Number.isSafeInteger(candidate.value))
  const { type, warning } = typeOf(candidate, graph, isRandom)
  const first = `${candidate.node.id}.${candidate.input}`
  if (warning !== undefined) warnings.push(`Parameter ${name} (${first} of ${candidate.node.classType}): ${warning}.`)
  const multipleOf = type.kind === 'integer' ? type.multipleOf : undefined
  return {
    name,
    level: candidate.level === 'never' ? 'off' : candidate.level,
    type,
    value: candidate.value,
    default: isRandom ? randomDefault(type) : { kind: type.kind === 'media' ? 'none' : 'value' },
    description: describeParameter(candidate, name, { isRandom, multipleOf }),
    targets: targetsOf(candidate, type, graph),
  }
}

function randomDefault(type: ParameterType): ParameterDefault {
  const { min = 0, max } = type.kind === 'integer' ? type : {}
  const limit = max === undefined ? Number.MAX_SAFE_INTEGER : max + 1
  return { kind: 'random', ...(min > 0 && { from: min }), limit }
}

function targetsOf(candidate: Candidate, type: ParameterType, graph: PromptGraph): readonly ParameterTarget[] {
  const form = type.kind === 'choices' ? ({ kind: 'wrapped' } as const) : ({ kind: 'value' } as const)
  return candidate.targets.flatMap((target): readonly ParameterTarget[] => {
    const node = graph.get(target.node)
    const index = node?.inputs.get('index')
    if (node?.classType !== 'CustomCombo' || typeof index !== 'number') return [{ ...target, form }]
    const choices = customOptions(node)
    return [
      { ...target, form },
      ...(typeof candidate.value === 'string' && choices.indexOf(candidate.value) === index
        ? [{ node: node.id, input: 'index', form: { kind: 'position' as const, choices } }]
        : []),
    ]
  })
}

function withoutHidden(
  parameters: readonly Parameter[],
  hide: readonly string[],
  graph: PromptGraph,
): readonly Parameter[] {
  const names = hide.filter((each) => !each.includes('.') || graph.get(each.slice(0, each.indexOf('.'))) === undefined)
  for (const name of names) {
    if (!parameters.some((parameter) => parameter.name === name)) {
      throw ParameterChoiceError.unknownParameter(
        name,
        parameters.map((parameter) => parameter.name),
      )
    }
  }
  return parameters.filter(({ name }) => !names.includes(name))
}
