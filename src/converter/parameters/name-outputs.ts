import type { PlannedOutput } from './parameter-plan.ts'
import { linkOf, type GraphNode, type PromptGraph } from './prompt-graph.ts'
import { inputType } from '../../comfyui/wire/object-info.ts'
import { isGeneric, roleOfTitle } from './role-of-title.ts'

/** What flows into a node that saves → what the output is called. */
const names: Readonly<Record<string, string>> = {
  IMAGE: 'image',
  MASK: 'mask',
  VIDEO: 'video',
  AUDIO: 'audio',
  STRING: 'text',
  LATENT: 'latent',
  MESH: 'model',
  SVG: 'svg',
}

/** Classes whose files last as long as the editor shows them: they are no results where another node saves some. */
const previewClass = /^(Preview(?!Any|String|Text)|MaskPreview$|ImageCompare$)/

/**
 * A name for each node that makes an output: by what it makes, or by its title where several make the same. Those that
 * app mode shows come first; mere previews have a name only where nothing is saved.
 */
export function nameOutputs(graph: PromptGraph, shown: readonly string[]): readonly PlannedOutput[] {
  const isPreview = (node: GraphNode): boolean => previewClass.test(node.classType)
  const saving = graph.outputNodes.filter((node) => shown.includes(node.id) || !isPreview(node))
  const nodes = saving.length > 0 ? saving : graph.outputNodes
  const ordered = [
    ...shown.flatMap((id) => nodes.filter((node) => node.id === id)),
    ...graph.nodes.filter((node) => nodes.includes(node) && !shown.includes(node.id)),
  ]
  const bases = ordered.map((node) => baseOf(node, graph))
  const used = new Set<string>()
  return ordered.map((node, index) => {
    const base = bases[index] ?? 'output'
    const role = node.title === undefined ? '' : roleOf(node, node.title, base)
    const isShared = bases.filter((each) => each === base).length > 1
    const name = unused(isShared && role !== '' ? role : base, used)
    used.add(name)
    return { name, node: node.id }
  })
}

function roleOf(node: GraphNode, title: string, base: string): string {
  const role = roleOfTitle(title, [node.classType, node.definition?.display_name ?? '']).replace(
    /^(save|preview|show)_/,
    '',
  )
  return isGeneric(role) && role !== base ? '' : role
}

function unused(name: string, used: ReadonlySet<string>): string {
  if (!used.has(name)) return name
  let count = 2
  while (used.has(`${name}_${count}`)) count += 1
  return `${name}_${count}`
}

/** By its name first: a video is made of images, too. */
function baseOf(node: GraphNode, graph: PromptGraph): string {
  if (/video|webm|mp4|animated/i.test(node.classType)) return 'video'
  if (/audio|flac|mp3|opus/i.test(node.classType)) return 'audio'
  if (/glb|3d|mesh|splat/i.test(node.classType)) return 'model'
  if (/^Preview(Any|String|Text)|ShowText/.test(node.classType)) return 'text'
  for (const [input, value] of node.inputs) {
    const link = linkOf(value)
    if (link === undefined) continue
    const made = graph.get(link.id)?.definition?.output[link.slot]
    const spec = node.specs.get(input)
    const wanted = spec === undefined ? undefined : inputType(spec)
    for (const type of [made, wanted]) {
      if (typeof type === 'string' && Object.hasOwn(names, type)) return names[type] ?? 'output'
    }
    // What passes a switch has the type of what goes in.
    if (Object.hasOwn(names, input.replace(/s$/, '').toUpperCase()))
      return names[input.replace(/s$/, '').toUpperCase()] ?? 'output'
  }
  return 'output'
}
