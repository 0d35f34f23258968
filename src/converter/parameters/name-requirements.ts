import { modelFolder } from '../../comfyui/wire/model-folders.ts'
import { classifyInput, type TextUses } from './classify-input.ts'
import type { ExportHints, ModelHint } from './export-hints.ts'

import type { PlannedModel, PlannedPack } from './parameter-plan.ts'
import { compareTexts, type GraphNode, type PromptGraph } from './prompt-graph.ts'

/** The packs of custom nodes that a workflow needs, by what the file says of each node, with the classes it uses. */
export function requiredPacks(graph: PromptGraph): readonly PlannedPack[] {
  const packs = new Map<string, { version?: string; url?: string; classTypes: Set<string> }>()
  for (const node of graph.nodes) {
    const pack = packOf(node)
    if (pack === undefined) continue
    const known = packs.get(pack.id) ?? { classTypes: new Set<string>() }
    known.classTypes.add(node.classType)
    if (pack.version !== undefined) known.version ??= pack.version
    if (pack.url !== undefined) known.url ??= pack.url
    packs.set(pack.id, known)
  }
  return [...packs]
    .toSorted(([a], [b]) => compareTexts(a, b))
    .map(([pack, { version, url, classTypes }]) => ({
      pack,
      ...(version !== undefined && { version }),
      ...(url !== undefined && { url }),
      classTypes: [...classTypes].sort(compareTexts),
    }))
}

function packOf(node: GraphNode): { id: string; version?: string; url?: string } | undefined {
  const { cnrId, auxId, version } = node.hint.pack ?? {}
  if (cnrId === 'comfy-core') return undefined
  const url = auxId !== undefined && /^[\w.-]+\/[\w.-]+$/.test(auxId) ? { url: `https://github.com/${auxId}` } : {}
  const id = cnrId ?? auxId?.split('/').at(-1) ?? folderOf(node)
  if (id === undefined || id === '') return undefined
  return { id, ...(version !== undefined && version !== '' && { version }), ...url }
}

/** The folder below `custom_nodes` that the class comes from. */
function folderOf(node: GraphNode): string | undefined {
  return /^custom_nodes\.([^.]+)/.exec(node.definition?.python_module ?? '')?.[1]
}

/** The model files that the prompt names, with what the file says of them. In the order of the graph, each once. */
export function requiredModels(graph: PromptGraph, hints: ExportHints, uses: TextUses): readonly PlannedModel[] {
  const models = new Map<string, PlannedModel>()
  for (const node of graph.nodes) {
    if (!graph.reachesOutput(node.id)) continue
    for (const [input, value] of node.inputs) {
      if (typeof value !== 'string' || value === '' || /^none$/i.test(value)) continue
      const meaning = classifyInput(graph, node, input, uses)
      if (meaning.kind !== 'model' || !/\.\w+$/.test(value)) continue
      const hint = hints.models?.find((each) => baseName(each.name) === baseName(value))
      const folder = hint?.directory ?? modelFolder(node.classType, input)
      const key = `${folder ?? ''}\0${value}`
      if (!models.has(key)) models.set(key, describe(value, folder, hint))
    }
  }
  return [...models.values()]
}

function describe(name: string, directory: string | undefined, hint: ModelHint | undefined): PlannedModel {
  const sha256 =
    hint?.hash !== undefined && /^sha-?256$/i.test(hint.hashType ?? '') ? hint.hash.toLowerCase() : undefined
  const url = hint?.url
  return {
    name,
    ...(directory !== undefined && { directory }),
    ...(url !== undefined && /^https?:\/\//.test(url) && { url }),
    ...(sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) && { sha256 }),
  }
}

/** Files may lie in folders of either kind of system. */
function baseName(name: string): string {
  return name.split(/[/\\]/).at(-1) ?? name
}
