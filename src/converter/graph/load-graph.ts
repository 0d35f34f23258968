import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import { readWidgets } from '../widgets/read-widgets.ts'
import { widgetsOf, type Widget } from '../widgets/widget.ts'
import type { Graph, GraphNode, LoadedWorkflow } from './graph.ts'
import { inputsOfClass, inputsOfHost, outputTypesOfClass, savedInputs } from './node-inputs.ts'
import { roleOf, type NodeRole } from './node-role.ts'
import { pushPrimitiveValues } from './primitive-values.ts'
import type { UiGraph, UiNode, UiWorkflow } from './ui-workflow.ts'

/** Gives all nodes their inputs and values, as the editor does when it loads a file. */
export function loadWorkflow(ui: UiWorkflow, lookUp: NodeLookup): LoadedWorkflow {
  const load = (graph: UiGraph): Graph => loadGraph(graph, ui, lookUp)
  return {
    ui,
    root: load(ui.root),
    subgraphs: new Map([...ui.subgraphs].map(([id, subgraph]) => [id, { ...load(subgraph), subgraph }])),
  }
}

function loadGraph(graph: UiGraph, workflow: UiWorkflow, lookUp: NodeLookup): Graph {
  const nodes = new Map(graph.nodes.map((node) => [node.id, loadNode(node, roleOf(node, workflow, lookUp))]))
  const loaded: Graph = { nodes, links: graph.links }
  pushPrimitiveValues(loaded)
  return loaded
}

function loadNode(ui: UiNode, role: NodeRole): GraphNode {
  const { id } = ui
  const savedTypes = ui.outputs.map(({ type }) => type)
  const bare = { id, ui, role, widgets: new Map<string, Widget>(), warnings: [] }
  if (role.kind === 'host') {
    const { subgraph } = role
    return { ...bare, inputs: inputsOfHost(ui, subgraph), outputTypes: subgraph.outputs.map(({ type }) => type) }
  }
  if (role.kind !== 'class') return { ...bare, inputs: savedInputs(ui), outputTypes: savedTypes }
  const { definition } = role
  const linked = new Set(ui.inputs.filter(({ link }) => link !== undefined).map(({ name }) => name))
  const { reading, warnings } = readWidgets({
    classType: ui.type,
    definition,
    linked,
    values: ui.values,
    namedValues: ui.namedValues,
  })
  return {
    ...bare,
    warnings,
    inputs: inputsOfClass(ui, definition, reading.parts),
    outputTypes: outputTypesOfClass(ui, definition),
    widgets: new Map(widgetsOf(reading).map((widget) => [widget.name, widget])),
  }
}
