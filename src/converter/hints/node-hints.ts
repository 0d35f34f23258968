import type { GraphNode } from '../graph/graph.ts'
import { listOf } from '../list-of.ts'
import type { NodeHint } from '../parameters/export-hints.ts'
import { controlWord } from '../widgets/slot-literals.ts'
import type { HintSources } from './hint-sources.ts'
import { hostsAround } from './promoted-inputs.ts'
import { targetsOfPrimitiveAt } from './slot-targets.ts'

/** What is known of the nodes of the prompt, by their ids. */
export function nodeHints(sources: HintSources): ReadonlyMap<string, NodeHint> {
  const controls = controlsOfPrimitives(sources)
  return new Map(
    sources.places
      .filter(({ id }) => Object.hasOwn(sources.prompt, id))
      .map(({ node, scope, id }) => {
        const hosts = hostsAround(scope)
        return [id, { ...hintOf(node, controls.get(id)), ...(hosts.length > 0 && { hosts }) }]
      }),
  )
}

function hintOf(node: GraphNode, pushed: Readonly<Record<string, string>> | undefined): NodeHint {
  const title = ownTitle(node)
  const controls = { ...controlsOf(node), ...pushed }
  const labels = labelsOf(node)
  const range = rangeOf(node)
  const pack = packOf(node)
  return {
    ...(title !== undefined && { title }),
    ...(!isEmpty(controls) && { controls }),
    ...(!isEmpty(labels) && { labels }),
    ...(!isEmpty(range) && { range }),
    ...(!isEmpty(pack) && { pack }),
  }
}

function ownTitle({ ui, role }: GraphNode): string | undefined {
  const shown = role.kind === 'class' ? role.definition.display_name : undefined
  return ui.title === ui.type || ui.title === shown ? undefined : ui.title
}

function controlsOf({ widgets }: GraphNode): Record<string, string> {
  return Object.fromEntries(
    [...widgets.values()].flatMap(({ name, control }) => (control === undefined ? [] : [[name, control]])),
  )
}

/** A primitive has the control for all that it feeds. */
function controlsOfPrimitives(sources: HintSources): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const controls = new Map<string, Record<string, string>>()
  for (const { node, scope } of sources.places) {
    const control = node.role.kind === 'primitive' ? controlWord(listOf(node.ui.values)[1]) : undefined
    if (control === undefined) continue
    for (const target of targetsOfPrimitiveAt(node, scope, sources)) {
      controls.set(target.node, { ...controls.get(target.node), [target.input]: control })
    }
  }
  return controls
}

function labelsOf({ inputs }: GraphNode): Record<string, string> {
  return Object.fromEntries(
    inputs.flatMap(({ name, label }) =>
      label === undefined || name === label || name.endsWith(`.${label}`) ? [] : [[name, label]],
    ),
  )
}

function rangeOf({ ui: { type, properties } }: GraphNode): NonNullable<NodeHint['range']> {
  if (type !== 'PrimitiveInt' && type !== 'PrimitiveFloat') return {}
  const { min, max, step } = properties
  return {
    ...(typeof min === 'number' && { min }),
    ...(typeof max === 'number' && { max }),
    ...(typeof step === 'number' && { step }),
  }
}

function packOf({ ui: { properties } }: GraphNode): NonNullable<NodeHint['pack']> {
  const { cnr_id: cnrId, aux_id: auxId, ver: version } = properties
  return {
    ...(isText(cnrId) && { cnrId }),
    ...(isText(auxId) && { auxId }),
    ...(isText(version) && { version }),
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0
}
