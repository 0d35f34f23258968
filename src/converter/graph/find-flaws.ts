import type { Prompt } from '../../comfyui/wire/prompt.ts'
import type { ConversionWarning } from '../conversion.ts'
import { hasOption } from '../widgets/defined-input.ts'
import type { HostValues } from './host-values.ts'
import type { NodeInput } from './node-inputs.ts'
import { findSetter } from './resolve-links.ts'
import { isActive, type PlacedNode } from './walk-nodes.ts'

/** What a person should know of nodes and values, apart from links that lead nowhere. */
export function findFlaws(
  places: readonly PlacedNode[],
  prompt: Prompt,
  { hostValues }: { readonly hostValues: HostValues },
): ConversionWarning[] {
  const warned = new Set<unknown>()
  return places.flatMap((place) => {
    const { node, id } = place
    const isFirst = !warned.has(node)
    warned.add(node)
    const flaws = [...flawsOfRole(place), ...mutedSubgraph(place, places)]
    if (isFirst) {
      const names = hostValues.unplaced(node)
      if (names.length > 0) {
        const message = `Node ${id}: no input was found for ${names.join(', ')}; the file is damaged, save it again in ComfyUI.`
        flaws.push({ code: 'unplaced_host_value', node: id, message })
      }
    }
    if (node.role.kind !== 'class' || !isActive(node)) return flaws
    const classType = node.ui.type
    if (isFirst) {
      for (const { code, input, message } of node.warnings) {
        const text = `Node ${id} ${classType}: ${message}.`
        flaws.push({ code, node: id, classType, ...(input !== undefined && { input }), message: text })
      }
    }
    return [...flaws, ...missingInputs(place, prompt), ...browserWork(place), ...literalTexts(place, prompt)]
  })
}

function flawsOfRole({ node, scope, id }: PlacedNode): ConversionWarning[] {
  if (!isActive(node)) return []
  const classType = node.ui.type
  switch (node.role.kind) {
    case 'label':
      return [
        {
          code: 'unknown_label',
          node: id,
          classType,
          message: `Node ${id} ${classType} is unknown, and has neither inputs nor outputs; it was left out.`,
        },
      ]
    case 'getter':
      if (findSetter(scope, node) !== undefined) return []
      return [
        {
          code: 'unresolved_getter',
          node: id,
          classType,
          message: `Node ${id} ${classType}: there is no one node that sets what it gets.`,
        },
      ]
    case 'broadcast':
      return [
        {
          code: 'browser_completes',
          node: id,
          classType,
          message: `Node ${id} ${classType} adds links when the browser queues the workflow; they are not in the prompt. Export in API format instead.`,
        },
      ]
    default:
      return []
  }
}

/** The editor looks into instances inside of others even when they are switched off. */
function mutedSubgraph({ node, scope, id }: PlacedNode, places: readonly PlacedNode[]): ConversionWarning[] {
  if (node.role.kind !== 'host' || isActive(node) || scope.host === undefined) return []
  const runs = places.some(
    (inner) =>
      inner.id.startsWith(`${id}:`) &&
      isActive(inner.node) &&
      inner.node.role.kind === 'class' &&
      inner.node.role.definition.output_node === true,
  )
  if (!runs) return []
  const message = `Node ${id} is a muted or bypassed subgraph inside of another; its outputs run nevertheless, as in ComfyUI. Mute the nodes in it.`
  return [{ code: 'muted_subgraph_runs', node: id, message }]
}

function missingInputs({ node, id }: PlacedNode, prompt: Prompt): ConversionWarning[] {
  const inputs = prompt[id]?.inputs ?? {}
  const classType = node.ui.type
  return node.inputs
    .filter(({ name, isRequired }) => isRequired && !Object.hasOwn(inputs, name))
    .map((input) => ({
      code: 'missing_input',
      node: id,
      classType,
      input: input.name,
      message: `Node ${id} ${classType}: the required input ${input.name} has no ${whatIsMissing(input)}; ComfyUI refuses what depends on it.`,
    }))
}

function whatIsMissing({ isWidget, link }: NodeInput): string {
  if (link !== undefined) return 'source, as its link leads to nothing that runs'
  return isWidget ? 'value' : 'link'
}

/** Texts of which the browser would make something else; those that a host gives it would leave alone. */
function literalTexts({ node, id }: PlacedNode, prompt: Prompt): ConversionWarning[] {
  const classType = node.ui.type
  return [...node.widgets.values()].flatMap(({ name, input, value }): ConversionWarning[] => {
    if (typeof value !== 'string' || prompt[id]?.inputs[name] !== value) return []
    const isExpanded = hasOption(input, 'dynamicPrompts') && dynamicText.test(value)
    if (!isExpanded && !(name === 'filename_prefix' && token.test(value))) return []
    const what = isExpanded ? 'choices or comments' : 'tokens'
    const message = `Node ${id} ${classType}: ${name} has ${what} that the browser would replace; they are kept as they are.`
    return [{ code: 'kept_literally', node: id, classType, input: name, message }]
  })
}

/** `{a|b}`, and comments as in a program. */
const dynamicText = /\{[^{}]*\|[^{}]*\}|\/\*|\/\//
const token = /%[^%\s][^%]*%/

/** Classes whose values the browser replaces when it queues a workflow. */
const wildcardClasses: ReadonlySet<string> = new Set([
  'ImpactWildcardProcessor',
  'ImpactWildcardEncode',
  'easy wildcards',
  'easy seed',
  'easy globalSeed',
  'Anything Everywhere',
  'Anything Everywhere?',
  'Anything Everywhere3',
  'Seed Everywhere',
  'Prompts Everywhere',
])
const captureClasses: Readonly<Record<string, string>> = {
  WebcamCapture: 'image',
  RecordAudio: 'audio',
  Painter: 'mask',
}
/** Seeds by which rgthree's class asks the browser for another one. */
const rgthreeSeeds: ReadonlySet<unknown> = new Set([-1, -2, -3])

function browserWork({ node, id }: PlacedNode): ConversionWarning[] {
  const classType = node.ui.type
  const say = (what: string): ConversionWarning[] => [
    { code: 'browser_completes', node: id, classType, message: `Node ${id} ${classType} ${what}` },
  ]
  const captured = captureClasses[classType]
  if (captured !== undefined) {
    const value = node.widgets.get(captured)?.value
    return value === '' || value === null || value === undefined
      ? say(`takes its ${captured} from the browser; give it the name of an uploaded file.`)
      : []
  }
  if (classType === 'Seed (rgthree)' && rgthreeSeeds.has(node.widgets.get('seed')?.value)) {
    return say('gets its seed from the browser; give it a number that is not negative.')
  }
  if (!wildcardClasses.has(classType)) return []
  return say(
    'is completed by the browser when it queues the workflow; export in API format, or take the graph of a result.',
  )
}
