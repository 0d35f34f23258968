import type { RefusalReason } from '../conversion.ts'
import type { LoadedWorkflow } from './graph.ts'
import { isGroupNode, isSubgraphId } from './node-role.ts'
import type { UiNode, UiWorkflow } from './ui-workflow.ts'
import { isActive, type PlacedNode } from './walk-nodes.ts'

/** Subgraphs that contain themselves, over however many others. */
export function findRecursion({ subgraphs }: UiWorkflow): RefusalReason[] {
  const done = new Set<string>()
  const open: string[] = []
  const reasons: RefusalReason[] = []
  const visit = (id: string): void => {
    const subgraph = subgraphs.get(id)
    if (subgraph === undefined || done.has(id)) return
    if (open.includes(id)) {
      const message = `The subgraph "${subgraph.name}" contains itself.`
      reasons.push({ code: 'recursive_subgraph', classType: id, message, fix: 'Take it out of itself in ComfyUI.' })
      return
    }
    open.push(id)
    for (const { type } of subgraph.nodes) visit(type)
    open.pop()
    done.add(id)
  }
  for (const id of subgraphs.keys()) visit(id)
  return reasons
}

/** All nodes of which no prompt can be made. `source` says where the definitions are from, for people. */
export function findObstacles(
  places: readonly PlacedNode[],
  workflow: LoadedWorkflow,
  source: string,
): RefusalReason[] {
  const active = places.filter(({ node }) => isActive(node))
  const missingSubgraphs = workflow.subgraphs.size > 0
  return active.flatMap(({ node: { ui, role }, id }) => {
    if (role.kind === 'unknown') return [describeUnknown(ui, id, source, missingSubgraphs)]
    if (role.kind === 'class' && role.definition.unreadable === true) return [describeUnreadable(ui, id, source)]
    if (ui.type === 'Load3D') return [needsBrowser(ui, id)]
    return []
  })
}

function describeUnknown(ui: UiNode, id: string, source: string, hasSubgraphs: boolean): RefusalReason {
  const reason = { node: id, classType: ui.type, ...(ui.title !== undefined && { title: ui.title }) }
  const name = nameOf(ui, id)
  if (isGroupNode(ui.type)) {
    return {
      ...reason,
      code: 'legacy_group_node',
      message: `${name} is a group node of old versions of ComfyUI (${ui.type}).`,
      fix: 'Open the workflow in a current ComfyUI, which makes a subgraph of it, check its values, and save it again.',
    }
  }
  if (isSubgraphId(ui.type)) {
    return {
      ...reason,
      code: 'missing_subgraph',
      message: `${name} is an instance of the subgraph ${ui.type}, which the file does not have${hasSubgraphs ? ' among its subgraphs' : ''}.`,
      fix: 'The file is damaged: open it in ComfyUI and save it again.',
    }
  }
  const pack = packOf(ui)
  const formerly = ui.properties['Node name for S&R']
  const other = typeof formerly === 'string' && formerly !== ui.type ? ` The file also calls it ${formerly}.` : ''
  return {
    ...reason,
    code: 'unknown_class',
    ...(pack !== undefined && { pack }),
    message: `${name} needs the class ${ui.type}${pack === undefined ? '' : ` (pack ${pack})`}, which is unknown to ${source}.${other}`,
    fix: 'Install the pack, and use the /object_info of a ComfyUI that has it.',
  }
}

function describeUnreadable(ui: UiNode, id: string, source: string): RefusalReason {
  return {
    code: 'unknown_class',
    node: id,
    classType: ui.type,
    ...(ui.title !== undefined && { title: ui.title }),
    message: `${nameOf(ui, id)} needs the class ${ui.type}, whose definition in ${source} cannot be read.`,
    fix: 'Update the pack, or export the workflow in API format.',
  }
}

function needsBrowser(ui: UiNode, id: string): RefusalReason {
  return {
    code: 'needs_browser',
    node: id,
    classType: ui.type,
    ...(ui.title !== undefined && { title: ui.title }),
    message: `${nameOf(ui, id)} takes its picture from the 3D view of the browser.`,
    fix: 'Replace it with LoadImage, or export the workflow in API format.',
  }
}

function nameOf({ title, type }: UiNode, id: string): string {
  return title === undefined || title === type ? `Node ${id}` : `Node ${id} "${title}"`
}

/** The pack as the file names it; `comfy-core` is ComfyUI itself. */
export function packOf({ properties }: UiNode): string | undefined {
  const { cnr_id: registryId, aux_id: githubId } = properties
  if (typeof registryId === 'string' && registryId !== '') return registryId
  return typeof githubId === 'string' && githubId !== '' ? githubId : undefined
}
