import { inputChoices, inputOptions, inputType, type InputSpec } from '../../comfyui/wire/object-info.ts'
import { declaredInputs } from '../../comfyui/wire/verdict/declared-inputs.ts'
import { isRecord } from '../../lib/json-record.ts'
import { chosenList, isChoice, isSelector, lastPart } from './classify-input.ts'
import type { Candidate } from './find-candidates.ts'
import { valueHolder, wholeNumbers } from './input-tables.ts'
import type { Choice, ParameterType } from './parameter-plan.ts'
import { linkOf, type GraphNode, type PromptGraph } from './prompt-graph.ts'

/** Names of lists to which every pack may add. */
const openLists = new Set(['sampler_name', 'sampler', 'scheduler', 'scheduler_name'])
/** A longer list is no help to a reader. */
const maxChoices = 200
/** From here on what is meant is that there is no limit. */
const noLimit = 1e15

/** The type of a parameter, and what its definition says that does not fit the workflow. */
export interface TypeFinding {
  readonly type: ParameterType
  readonly warning?: string
}

/**
 * What callers may send for a value: what the definitions of all its inputs allow. A limit that the workflow itself
 * breaks is left out, with a warning. What is drawn at random has the limits of its inputs only.
 */
export function typeOf(candidate: Candidate, graph: PromptGraph, isRandom: boolean): TypeFinding {
  const { value, media } = candidate
  if (media !== undefined && typeof value === 'string') {
    return { type: { kind: 'media', media: candidate.tableName === 'mask' ? 'mask' : media } }
  }
  const specs = specsOf(candidate, graph)
  const [first] = specs
  if (candidate.kind === 'seed' && isRandom) return { type: seedType(specs) }
  const list = chosenList(value)
  if (list !== undefined) return listType(candidate, first, list)
  if (candidate.node.classType === 'CustomCombo') return customChoice(candidate)
  if (isSelector(first) && first !== undefined) return { type: selectorType(candidate, first) }
  if (candidate.kind === 'model' && typeof value === 'string') return { type: openType(value) }
  const choiceSpecs = specs.filter(isChoice)
  if (choiceSpecs.length > 0) return choiceType(candidate, choiceSpecs)
  switch (typeof value) {
    case 'boolean':
      return { type: { kind: 'boolean' } }
    case 'number':
      return numberType(candidate, specs, value)
    default:
      return { type: { kind: 'text' } }
  }
}

/** From 0 or more to where numbers of JSON are exact everywhere: seeds of a workflow may be larger, those of callers are not. */
function seedType(specs: readonly InputSpec[]): ParameterType {
  const limits = (name: 'min' | 'max') =>
    specs.map((spec) => inputOptions(spec)[name]).filter((limit) => typeof limit === 'number')
  const min = Math.ceil(Math.max(0, ...limits('min')))
  const max = Math.min(...limits('max'))
  return { kind: 'integer', min, ...(max > min && max < Number.MAX_SAFE_INTEGER && { max }) }
}

/** The definitions that decide about a value: its inputs', and for one that stands alone those of what it feeds. */
function specsOf({ targets, node }: Candidate, graph: PromptGraph): readonly InputSpec[] {
  const own = targets.map((target) => graph.get(target.node)?.specs.get(target.input)).filter(isKnown)
  if (!valueHolder.test(node.classType)) return own
  const consumers = graph.consumersOf(node.id).map((use) => use.node.specs.get(use.input))
  const isNumber = (spec: InputSpec) => inputType(spec) === 'INT' || inputType(spec) === 'FLOAT'
  return [...own, ...consumers.filter(isKnown).filter(isNumber)]
}

function isKnown(spec: InputSpec | undefined): spec is InputSpec {
  return spec !== undefined
}

function numberType(candidate: Candidate, specs: readonly InputSpec[], value: number): TypeFinding {
  const isCounted =
    specs.length === 0 ? wholeNumbers.has(lastPart(candidate.input)) : specs.some((spec) => inputType(spec) === 'INT')
  const isWhole = isCounted && Number.isSafeInteger(value)
  const range = candidate.node.hint.range
  const limits = [...specs.map(inputOptions), ...(range === undefined ? [] : [range])]
  const numbersOf = (key: 'min' | 'max') =>
    limits.map((each) => each[key]).filter((limit) => typeof limit === 'number' && Math.abs(limit) < noLimit)
  const mins = numbersOf('min').filter((limit): limit is number => typeof limit === 'number')
  const maxs = numbersOf('max').filter((limit): limit is number => typeof limit === 'number')
  const min = mins.length === 0 ? undefined : Math.max(...mins)
  const max = maxs.length === 0 ? undefined : Math.min(...maxs)
  const broken = [
    ...(min !== undefined && value < min ? [`smaller than ${min}`] : []),
    ...(max !== undefined && value > max ? [`larger than ${max}`] : []),
  ]
  const kept = {
    ...(min !== undefined && value >= min && (!isWhole || Number.isInteger(min)) && { min }),
    ...(max !== undefined && value <= max && (!isWhole || Number.isInteger(max)) && { max }),
  }
  const warning = broken.length === 0 ? {} : { warning: `its value ${value} is ${broken.join(' and ')}` }
  if (!isWhole) return { type: { kind: 'number', ...kept }, ...warning }
  const multipleOf = stepOf(specs, min, value)
  return { type: { kind: 'integer', ...kept, ...(multipleOf !== undefined && { multipleOf }) }, ...warning }
}

/** The step of the editor, where it is one of pixels and the like: from a multiple of it, and kept by the workflow. */
function stepOf(specs: readonly InputSpec[], min: number | undefined, value: number): number | undefined {
  const steps = specs.map((spec) => inputOptions(spec)['step']).filter((step) => typeof step === 'number')
  const step = Math.max(1, ...steps)
  const fits = Number.isInteger(step) && step > 1 && min !== undefined && min % step === 0 && value % step === 0
  return fits && steps.every((each) => Number.isInteger(each) && step % each === 0) ? step : undefined
}

function choiceType({ value, kind, input }: Candidate, specs: readonly InputSpec[]): TypeFinding {
  const isOpen = openLists.has(lastPart(input)) || specs.some((spec) => isRecord(inputOptions(spec)['remote']))
  const lists = specs.map((spec) => inputChoices(spec) ?? [])
  const [first = [], ...others] = lists
  const choices = first.filter((choice): choice is Choice => isPlain(choice) && others.every((o) => o.includes(choice)))
  if (kind === 'model' || isOpen || choices.length === 0 || choices.length > maxChoices)
    return { type: openType(value) }
  if (isPlain(value) && choices.includes(value)) return { type: { kind: 'choice', choices: [...new Set(choices)] } }
  return { type: openType(value), warning: `its value ${JSON.stringify(value)} is none of the choices of its class` }
}

function openType(value: unknown): ParameterType {
  if (typeof value === 'number') return { kind: 'number' }
  return typeof value === 'boolean' ? { kind: 'boolean' } : value === '' ? { kind: 'text' } : { kind: 'name' }
}

function isPlain(value: unknown): value is Choice {
  return (
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  )
}

function listType(candidate: Candidate, spec: InputSpec | undefined, list: readonly string[]): TypeFinding {
  const offered = spec === undefined ? [] : (inputChoices(spec) ?? [])
  const choices = [...new Set(offered.filter((choice) => typeof choice === 'string'))]
  if (list.every((item) => choices.includes(item))) return { type: { kind: 'choices', choices } }
  return {
    type: { kind: 'choices', choices: [...new Set([...choices, ...list])] },
    warning: `its value ${JSON.stringify(candidate.value)} holds what is none of the choices of its class`,
  }
}

/** The options of a class whose user writes them, in their order; the empty one at the end is the editor's. */
export function customOptions(node: GraphNode): readonly string[] {
  const options: string[] = []
  for (let number = 1; node.inputs.has(`option${number}`); number += 1) {
    const option = node.inputs.get(`option${number}`)
    options.push(typeof option === 'string' ? option : '')
  }
  return options
}

function customChoice({ node, value }: Candidate): TypeFinding {
  const choices = [...new Set(customOptions(node).filter((option) => option !== ''))]
  if (typeof value === 'string' && choices.includes(value)) return { type: { kind: 'choice', choices } }
  return { type: { kind: 'text' }, warning: `its value ${JSON.stringify(value)} is none of its options` }
}

/** The keys for which the node has all the inputs that it then needs, with values that are allowed. */
function selectorType({ node, input, value }: Candidate, spec: InputSpec): ParameterType {
  const options = inputOptions(spec)['options']
  const keys = (Array.isArray(options) ? options : [])
    .map((option: unknown) => (isRecord(option) ? option['key'] : undefined))
    .filter((key) => typeof key === 'string')
  const choices = keys.filter((key) => key === value || canBecome(node, input, key))
  return { kind: 'choice', choices }
}

function canBecome(node: GraphNode, input: string, key: string): boolean {
  if (node.definition === undefined) return false
  const values = { ...Object.fromEntries(node.inputs), [input]: key }
  return declaredInputs(node.definition, values, true)
    .filter(({ name }) => name.startsWith(`${input}.`))
    .every(({ name, spec, required }) => {
      const held = node.inputs.get(name)
      if (held === undefined) return !required
      if (linkOf(held) !== undefined) return true
      const choices = inputChoices(spec)
      if (choices !== undefined) return choices.includes(held)
      const { min, max } = inputOptions(spec)
      if (typeof held !== 'number') return true
      return !(typeof min === 'number' && held < min) && !(typeof max === 'number' && held > max)
    })
}
