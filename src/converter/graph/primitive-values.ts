import { option, widgetType, type DefinedInput } from '../widgets/defined-input.ts'
import { listOf } from '../list-of.ts'
import { inputOfLink, type Graph, type GraphNode } from './graph.ts'

/**
 * Writes the values of PrimitiveNodes into the widgets that they are linked to, whatever the mode of the primitive. It
 * reaches only widgets that it is linked to itself: not through a Reroute, and not into a subgraph.
 */
export function pushPrimitiveValues(graph: Graph): void {
  for (const primitive of graph.nodes.values()) {
    if (primitive.role.kind !== 'primitive') continue
    const [value] = listOf(primitive.ui.values)
    if (value === undefined) continue
    const targets = targetsOfPrimitive(primitive, graph)
    const first = targets[0]
    if (first?.node.role.kind === 'reroute') continue
    const leading = targets.find(({ node, input }) => node.widgets.has(input))
    const leadingInput = leading?.node.widgets.get(leading.input)?.input
    const pushed = leadingInput === undefined ? value : onGrid(value, leadingInput)
    for (const { node, input } of targets) {
      const widget = node.widgets.get(input)
      if (widget !== undefined) node.widgets.set(input, { ...widget, value: pushed })
    }
  }
}

export interface LinkTarget {
  readonly node: GraphNode
  /** Name of the input. */
  readonly input: string
}

/** Where the links of a primitive end, in the order of the file. */
export function targetsOfPrimitive(primitive: GraphNode, graph: Graph): LinkTarget[] {
  const listed = primitive.ui.outputs.flatMap(({ links }) => links)
  const others = [...graph.links.values()].filter(({ originId }) => originId === primitive.id).map(({ id }) => id)
  return [...new Set([...listed, ...others])].flatMap((id) => {
    const link = graph.links.get(id)
    const node = link?.originId === primitive.id ? graph.nodes.get(link.targetId) : undefined
    const input = node === undefined ? undefined : inputOfLink(node, id)
    return node === undefined || input === undefined ? [] : [{ node, input: input.name }]
  })
}

/** The editor rounds what is typed into a widget: whole numbers to steps from the least, others to decimals. */
function onGrid(value: unknown, input: DefinedInput): unknown {
  if (typeof value !== 'number') return value
  switch (widgetType(input)) {
    case 'INT': {
      const step = positiveOption(input, 'step') ?? 1
      const least = option(input, 'min')
      const shift = typeof least === 'number' && Number.isSafeInteger(least) ? least % step : 0
      return Number.isSafeInteger(value) ? Math.round((value - shift) / step) * step + shift : value
    }
    case 'FLOAT': {
      const step = positiveOption(input, 'step') ?? 0.5
      const decimals = Math.max(0, -Math.floor(Math.log10(step)))
      const grid = positiveOption(input, 'round') ?? 10 ** -decimals
      return Number((Math.round(value / grid) * grid).toPrecision(12))
    }
    default:
      return value
  }
}

function positiveOption(input: DefinedInput, name: string): number | undefined {
  const value = option(input, name)
  return typeof value === 'number' && value > 0 ? value : undefined
}
