import { modelFolder } from '../../../comfyui/wire/model-folders.ts'
import { inputChoices, inputOptions, inputType, type InputSpec } from '../../../comfyui/wire/object-info.ts'
import { isPromptLink } from '../../../comfyui/wire/prompt.ts'
import { unwrapped } from '../../../comfyui/wire/verdict/node-validators.ts'
import type { NodeError } from '../../../comfyui/wire/verdict/validate-inputs.ts'
import { nearestName } from '../../../lib/nearest-name.ts'
import type { LinkedNode } from '../../graph/graph-rules.ts'
import type { CheckProblem } from '../check-problem.ts'
import type { CheckedGraph } from './checked-graph.ts'
import { explainFailure } from './explain-failure.ts'
import { leadsOut } from './listed-files.ts'
import { offersOf, type Offers } from './offers.ts'
import { isFileName } from './without-file-lists.ts'
import { listed, shown, typeName } from '../words.ts'

type Described = Pick<CheckProblem, 'message' | 'fix'>

/** Says in our own words what one error of ComfyUI is about, and what to do. */
export function describeRefusal(id: string, error: NodeError, graph: CheckedGraph): CheckProblem {
  const node = graph.nodes[id] ?? { class_type: '', inputs: {} }
  const classType = node.class_type
  const input = typeof error.extra_info['input_name'] === 'string' ? error.extra_info['input_name'] : undefined
  const problem = { severity: 'error', kind: 'refused', code: error.type, node: id, classType } as const
  if (error.type.startsWith('exception_')) return { ...problem, ...explainFailure(id, error.details, graph) }
  if (input === undefined) return { ...problem, ...describeCycle(error) }
  const value = Object.hasOwn(node.inputs, input) ? node.inputs[input] : undefined
  const place = { id, node, input, value: unwrapped(value) }
  return { ...problem, input, ...(value !== undefined && { value }), ...describeInputError(error, place, graph) }
}

/** Longer cycles are not told to the end. */
const maxCycleSteps = 10

function describeCycle({ type, message, details }: NodeError): Described {
  if (type !== 'dependency_cycle') return { message: `${message}: ${details}.` }
  const steps = details.split(' -> ', maxCycleSteps + 1)
  const cycle = steps.length > maxCycleSteps ? [...steps.slice(0, -1), '…'] : steps
  return { message: `It waits for itself: ${cycle.join(' -> ')}.`, fix: 'Cut one of these links.' }
}

interface InputPlace {
  readonly id: string
  readonly node: LinkedNode
  readonly input: string
  readonly value: unknown
}

function describeInputError(error: NodeError, place: InputPlace, context: CheckedGraph): Described {
  const { node, input, value } = place
  const spec = context.declared(place.id).get(input)?.spec ?? ['*']
  switch (error.type) {
    case 'required_input_missing':
      return {
        message: `${node.class_type} needs this input, and there is none.`,
        fix: fixMissing(place, spec, context),
      }
    case 'bad_linked_input':
      return {
        message: `${shown(value)} is a list but no link.`,
        fix: 'A link is ["id of a node", number of its output]; a list as a value stands in {"__value__": […]}.',
      }
    case 'return_type_mismatch':
      return describeMismatch(place, spec, context)
    case 'invalid_input_type':
      return { message: `${shown(value)} is no ${wordFor(spec)}.`, fix: `Give a ${wordFor(spec)}${rangeOf(spec)}.` }
    case 'value_smaller_than_min':
      return {
        message: `${shown(value)} is less than ${shown(inputOptions(spec)['min'])}, the least that is allowed.`,
        fix: `Give a ${wordFor(spec)}${rangeOf(spec)}.`,
      }
    case 'value_bigger_than_max':
      return {
        message: `${shown(value)} is more than ${shown(inputOptions(spec)['max'])}, the most that is allowed.`,
        fix: `Give a ${wordFor(spec)}${rangeOf(spec)}.`,
      }
    case 'value_not_in_list':
      return describeNotInList(place, inputChoices(spec) ?? [], context)
    case 'custom_validation_failed':
      return describeCustom(place, error)
    default:
      return { message: `${error.message}: ${error.details}.` }
  }
}

function fixMissing({ id, node, input }: InputPlace, spec: InputSpec, context: CheckedGraph): string {
  const strange = Object.keys(node.inputs).filter((name) => !context.declared(id).has(name))
  const near = nearestName(input, strange)
  if (near !== undefined) return `Rename the input ${near} to ${input}.`
  const options = inputOptions(spec)
  const type = inputType(spec)
  const isValue = inputChoices(spec) !== undefined || ['INT', 'FLOAT', 'STRING', 'BOOLEAN'].includes(String(type))
  if (isValue && options['default'] !== undefined)
    return `Give it a value, such as its default ${shown(options['default'])}.`
  if (isValue) return `Give it a ${wordFor(spec)}${rangeOf(spec)}.`
  if (isFileName(type)) return 'Give it the name of a file.'
  return linkTo(offersOf(context), type, id) ?? `Link it to a node that gives ${typeName(type)}.`
}

function linkTo(offers: Offers, type: unknown, except: string): string | undefined {
  const offer = offers.find(type, except)
  if (offer === undefined) return undefined
  return `Link it to an output of type ${typeName(type)}, such as ["${offer.id}", ${offer.slot}] of ${offer.classType}.`
}

function describeMismatch({ id, value }: InputPlace, spec: InputSpec, context: CheckedGraph): Described {
  const wanted = inputType(spec)
  if (!isPromptLink(value)) return { message: `A link to an output of type ${typeName(wanted)} is needed.` }
  const [source, slot] = value
  const classType = context.nodes[source]?.class_type ?? ''
  const outputs = context.lookUp(classType)?.output ?? []
  const received = outputs.at(slot)
  const message = `Slot ${slot} of node ${source} (${classType}) is ${typeName(received)}, and ${typeName(wanted)} is needed.`
  const other = outputs.findIndex((output) => output === wanted)
  const fix = other >= 0 ? `Link it to slot ${other} of node ${source}.` : linkTo(offersOf(context), wanted, id)
  return { message, fix: fix ?? `Link it to a node that gives ${typeName(wanted)}.` }
}

function wordFor(spec: InputSpec): string {
  if (inputChoices(spec) !== undefined) return 'value of its list'
  switch (inputType(spec)) {
    case 'INT':
      return 'whole number'
    case 'STRING':
      return 'text'
    case 'BOOLEAN':
      return 'boolean'
    default:
      return 'number'
  }
}

function rangeOf(spec: InputSpec): string {
  const { min, max } = inputOptions(spec)
  if (typeof min === 'number' && typeof max === 'number') return ` from ${shown(min)} to ${shown(max)}`
  if (typeof min === 'number') return ` of at least ${shown(min)}`
  return typeof max === 'number' ? ` of at most ${shown(max)}` : ''
}

function describeNotInList(
  { node, input, value }: InputPlace,
  choices: readonly unknown[],
  { catalogue }: CheckedGraph,
): Described {
  const names = choices.filter((choice) => typeof choice === 'string')
  const near = typeof value === 'string' ? nearestFile(value, names) : undefined
  const question = near === undefined ? undefined : `Did you mean ${shown(near)}?`
  const folder = modelFolder(node.class_type, input)
  if (folder !== undefined && typeof value === 'string' && value !== '') {
    const put = `put the file into models/${folder}`
    const fix = question === undefined ? `P${put.slice(1)}.` : `${question} Otherwise ${put}.`
    return { message: `There is no file ${shown(value)} in models/${folder} (asked: ${catalogue.source}).`, fix }
  }
  if (choices.length === 0) {
    return { message: `${shown(value)} cannot be chosen: the list is empty (asked: ${catalogue.source}).` }
  }
  const count = choices.length === 1 ? 'the only value that is allowed' : `one of the ${choices.length} allowed values`
  const fix = question ?? `Choose ${choices.length > 1 ? 'one of ' : ''}${listed(choices.map(shown))}.`
  return { message: `${shown(value)} is not ${count}.`, fix }
}

/** Names of files are compared without what stands after the dot, which most of them share. */
function nearestFile(name: string, known: readonly string[]): string | undefined {
  const byStem = new Map(known.toReversed().map((each) => [stemOf(each), each]))
  return byStem.get(nearestName(stemOf(name), byStem.keys()) ?? '')
}

function stemOf(name: string): string {
  return name.replace(/(?<=.)\.[a-z][a-z0-9]{1,11}$/i, '')
}

function describeCustom({ value }: InputPlace, { details }: NodeError): Described {
  const name = / - Invalid (?:image|latent|audio|video|model) file: /.test(details) ? value : undefined
  if (typeof name !== 'string') return { message: `The class itself refuses it: ${details}.` }
  if (leadsOut(name)) {
    return {
      message: `The file ${shown(name)} is outside of the input folder.`,
      fix: 'Name a file of the input folder.',
    }
  }
  return { message: `There is no file ${shown(name)} in the input folder.`, fix: 'Upload it, or name another one.' }
}
