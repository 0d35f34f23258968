import { nearestName } from '../../lib/nearest-name.ts'
import { isParameterValue, whySealed } from './classify-input.ts'
import type { Candidate } from './find-candidates.ts'
import { reservedParameterNames } from './name-parameters.ts'
import { compareIds, linkOf, type GraphNode, type PromptGraph } from './prompt-graph.ts'

/** What was asked of the choice of parameters cannot be done. The message is for whoever asked. */
export class ParameterChoiceError extends Error {
  override readonly name = 'ParameterChoiceError'

  static unknownParameter(name: string, known: readonly string[]): ParameterChoiceError {
    return new ParameterChoiceError(`There is no parameter ${shown(name)}.${hint(name, known)}`)
  }
}

export interface Chosen {
  /** The candidates that become parameters. */
  readonly candidates: readonly Candidate[]
  /** `node.input` of those that stay as they are. */
  readonly hiddenInputs: ReadonlySet<string>
}

interface Asked {
  readonly expose?: readonly string[]
  readonly hide?: readonly string[]
  readonly all?: boolean
}

const nameForm = /^[a-z_][a-zA-Z0-9_]*$/

/**
 * The candidates that the rules offer, with what `expose` adds and without what `hide` names by node and input.
 * @throws ParameterChoiceError
 */
export function applyChoice(found: readonly Candidate[], graph: PromptGraph, asked: Asked): Chosen {
  const exposed = new Map<Candidate, Candidate>()
  const wanted = new Set<string>()
  for (const text of asked.expose ?? []) {
    const { node, input, name } = readExpose(text, graph)
    const candidate = found.find(({ targets }) => targets.some((each) => each.node === node.id && each.input === input))
    if (candidate === undefined)
      throw new ParameterChoiceError(`${shown(text)}: ${whyNoParameter(node, input, graph)}.`)
    const sealed = whySealed(node, input)
    if (sealed !== undefined) throw new ParameterChoiceError(`${shown(text)} can be no parameter: ${sealed}.`)
    if (name !== undefined && wanted.has(name))
      throw new ParameterChoiceError(`Two parameters are to be ${shown(name)}.`)
    if (name !== undefined) wanted.add(name)
    const before = exposed.get(candidate) ?? candidate
    const level = before.level === 'advanced' ? 'advanced' : 'main'
    exposed.set(candidate, {
      ...before,
      level,
      mark: before.mark ?? 'asked',
      ...(name !== undefined && { wantedName: name }),
    })
  }
  const candidates = found
    .map((each) => exposed.get(each) ?? each)
    .filter(({ level }) => level === 'main' || level === 'advanced' || (level === 'off' && asked.all === true))
  const hiddenInputs = new Set((asked.hide ?? []).flatMap((text) => readHidden(text, graph)))
  return { candidates, hiddenInputs }
}

function readExpose(text: string, graph: PromptGraph): { node: GraphNode; input: string; name?: string } {
  const equals = text.lastIndexOf('=')
  const place = equals === -1 ? text : text.slice(0, equals)
  const name = equals === -1 ? undefined : text.slice(equals + 1)
  if (name !== undefined && (!nameForm.test(name) || reservedParameterNames.has(name))) {
    const form = 'a name has lower-case letters, digits and _, and begins with a letter'
    throw new ParameterChoiceError(
      reservedParameterNames.has(name)
        ? `${shown(name)} has another meaning beside parameters.`
        : `${shown(name)}: ${form}.`,
    )
  }
  const dot = place.indexOf('.')
  if (dot === -1) throw new ParameterChoiceError(`${shown(text)} is not of the form node.input or node.input=name.`)
  const { node, input } = findInput(place.slice(0, dot), place.slice(dot + 1), graph)
  return { node, input, ...(name !== undefined && { name }) }
}

/** Names of parameters have no dot: what has one is a node and an input. */
function readHidden(text: string, graph: PromptGraph): readonly string[] {
  const dot = text.indexOf('.')
  if (dot === -1) return []
  const { node, input } = findInput(text.slice(0, dot), text.slice(dot + 1), graph)
  return [`${node.id}.${input}`]
}

function findInput(id: string, input: string, graph: PromptGraph): { node: GraphNode; input: string } {
  const node = graph.get(id)
  if (node === undefined) {
    const known = graph.nodes.map((each) => each.id).sort(compareIds)
    throw new ParameterChoiceError(`There is no node ${shown(id)} in the prompt.${hint(id, known)}`)
  }
  if (node.inputs.has(input)) return { node, input }
  const known = [...node.inputs.keys()]
  throw new ParameterChoiceError(`Node ${id} (${node.classType}) has no input ${shown(input)}.${hint(input, known)}`)
}

function whyNoParameter(node: GraphNode, input: string, graph: PromptGraph): string {
  const value = node.inputs.get(input)
  const link = linkOf(value)
  if (link !== undefined) return `the input is fed by node ${link.id}`
  if (!graph.reachesOutput(node.id)) return 'what the node makes reaches no output'
  return isParameterValue(value, node.specs.get(input))
    ? 'it is no choice of callers'
    : 'its value is no text, number or flag'
}

function hint(name: string, known: readonly string[]): string {
  const near = nearestName(name, known)
  if (near !== undefined) return ` Did you mean ${near}?`
  return known.length === 0 ? '' : ` There are: ${known.slice(0, 20).join(', ')}${known.length > 20 ? ' …' : ''}.`
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
