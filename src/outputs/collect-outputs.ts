import { z } from 'zod'
import type { OutputKind } from './job-output.ts'
import { mediaTypeOfFilename, textType } from './media-type-of-filename.ts'

interface Found {
  readonly nodeId: string
  readonly outputKind: OutputKind
  readonly contentType: string
  /** Without folders. What is no file gets a name of ours. */
  readonly filename: string
  /** A preview beside what was saved. */
  readonly isIntermediate?: true
}

/** A file on the instance, to be fetched by `filename`, `subfolder` and `type`. */
export interface FoundFile extends Found {
  readonly kind: 'file'
  readonly subfolder: string
  readonly type: z.infer<typeof folderSchema>
}

/** An image that a node pack holds in the memory of the instance, to be fetched by its id. */
export interface FoundHeldImage extends Found {
  readonly kind: 'held'
  readonly heldId: string
}

/** An image that went over the WebSocket while the node ran: the one at `position` of those of the node, from 0. */
export interface FoundSocketImage extends Found {
  readonly kind: 'socket'
  readonly position: number
}

/** A text that a node showed. */
export interface FoundText extends Found {
  readonly kind: 'text'
  readonly text: string
}

export type FoundMedium = FoundFile | FoundHeldImage | FoundSocketImage
export type FoundOutput = FoundMedium | FoundText

/** Something in the outputs that is none of them, such as a list of coordinates. */
export interface UnhandledItem {
  readonly nodeId: string
  readonly key: string
  readonly item: unknown
}

export interface CollectOptions {
  /** Nodes that the workflow names: what they show is an output, wherever it lies. */
  readonly namedNodes?: ReadonlySet<string>
  /** Previews are wanted beside what was saved: they come after it. */
  readonly withIntermediate?: boolean
  readonly onUnhandled?: (unhandled: UnhandledItem) => void
}

/** From what was saved to what only echoes an input. */
const folderSchema = z.enum(['output', 'temp', 'input'])
type Rank = z.infer<typeof folderSchema>

const fileSchema = z.object({
  filename: z.string(),
  subfolder: z.string().nullish(),
  type: folderSchema.nullish(),
})

/** What nodes of the pack comfyui-tooling-nodes tell in place of a file. */
const sentImageSchema = z.object({
  source: z.enum(['http', 'websocket']),
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,128}$/)
    .nullish(),
  'content-type': z.string().nullish(),
})

/** Lists that stand beside files and say something about them. */
const ignoredKeys: ReadonlySet<string> = new Set(['animated', 'unfinished_batch'])

/**
 * What a prompt produced, in the order of its output nodes, of the keys within a node, and of the items within a key.
 * Takes ComfyUI's outputs as history and `executed` have them: node id → key → items.
 *
 * Previews (files of type `temp`) count only when nothing was saved, unless their node is named or they are asked for;
 * echoes of inputs only when there is no preview either. A file that is listed twice is found once. Numbers and switches are no outputs.
 */
export function collectOutputs(
  outputs: Readonly<Record<string, unknown>>,
  { namedNodes = new Set(), withIntermediate = false, onUnhandled = () => {} }: CollectOptions = {},
): FoundOutput[] {
  const found: { readonly rank: Rank; readonly output: FoundOutput }[] = []
  const places = new Set<string>()
  let textCount = 0
  let imageCount = 0

  function addOnce(place: readonly unknown[], rank: Rank, output: FoundMedium): void {
    const key = JSON.stringify(place)
    if (places.has(key)) return
    places.add(key)
    found.push({ rank, output })
  }

  function addFile(nodeId: string, file: FileName, rank: Rank): void {
    const place = [file.type, file.subfolder, file.filename]
    const isNamed = rank === 'temp' && namedNodes.has(nodeId)
    addOnce(place, isNamed ? 'output' : rank, { kind: 'file', nodeId, ...mediaTypeOfFilename(file.filename), ...file })
  }

  /** @returns whether it was one. @param position among the images that the node sent over the socket */
  function addSentImage(nodeId: string, item: unknown, position: number): 'held' | 'socket' | undefined {
    const parsed = sentImageSchema.safeParse(item)
    if (!parsed.success) return undefined
    const { source, id, 'content-type': contentType } = parsed.data
    const filename = `image_${imageCount + 1}.${extensionOf(contentType)}`
    const image = { nodeId, ...mediaTypeOfFilename(filename), filename }
    if (source === 'http') {
      if (typeof id !== 'string') return undefined
      const before = places.size
      addOnce(['held', id], 'output', { kind: 'held', ...image, heldId: id })
      if (places.size > before) imageCount += 1
      return 'held'
    }
    imageCount += 1
    found.push({ rank: 'output', output: { kind: 'socket', ...image, position } })
    return 'socket'
  }

  for (const [nodeId, output] of Object.entries(outputs)) {
    if (typeof output !== 'object' || output === null) continue
    let sentCount = 0
    for (const [key, items] of Object.entries(output)) {
      if (ignoredKeys.has(key)) continue
      if (key === 'result') {
        const file = readResult(items)
        if (file !== undefined) addFile(nodeId, file, isPreviewOf3d(file) ? 'temp' : file.type)
        continue
      }
      for (const item of Array.isArray(items) ? items : [items]) {
        if (item === null || typeof item === 'number' || typeof item === 'boolean') continue
        if (typeof item === 'string') {
          textCount += 1
          const filename = `text_${textCount}.txt`
          found.push({ rank: 'output', output: { kind: 'text', nodeId, ...textType, filename, text: item } })
          continue
        }
        const file = readFile(item)
        if (file !== undefined) {
          addFile(nodeId, file, file.type)
          continue
        }
        const sent = addSentImage(nodeId, item, sentCount)
        if (sent === 'socket') sentCount += 1
        if (sent === undefined) onUnhandled({ nodeId, key, item })
      }
    }
  }

  const wanted = folderSchema.options.find((type) =>
    found.some(({ rank, output }) => isMedium(output) && rank === type),
  )
  const chosen = found.filter(({ rank, output }) => !isMedium(output) || rank === wanted).map(({ output }) => output)
  if (!withIntermediate || wanted !== 'output') return chosen
  const previews = found.flatMap(({ rank, output }) => (rank === 'temp' ? [output] : []))
  return [...chosen, ...previews.map((output) => ({ ...output, isIntermediate: true as const }))]
}

function isMedium(output: FoundOutput): output is FoundMedium {
  return output.kind !== 'text'
}

type FileName = Pick<FoundFile, 'filename' | 'subfolder' | 'type'>

function readFile(item: unknown): FileName | undefined {
  const parsed = fileSchema.safeParse(item)
  if (!parsed.success) return undefined
  const { subfolder, type } = parsed.data
  // ComfyUI itself looks at the last part only.
  const filename = parsed.data.filename.split(/[/\\]/).at(-1) ?? ''
  if (!isName(filename)) return undefined
  return { filename, subfolder: subfolder ?? '', type: type ?? 'output' }
}

function isName(filename: string): boolean {
  return filename !== '' && filename !== '.' && filename !== '..' && !/\p{Cc}/u.test(filename)
}

/**
 * The file in `result` of the nodes that save or show 3D models: a path below the output folder, or the name of a preview,
 * and behind it where the camera stands. Paths on the server say nothing to `/view`, so they are left out.
 */
function readResult(items: unknown): FileName | undefined {
  const first: unknown = Array.isArray(items) ? items[0] : undefined
  if (typeof first !== 'string') return undefined
  const [, path = '', folder] = /^(.*?)(?: \[(output|temp|input)\])?$/s.exec(first) ?? []
  const parts = path.split(/[/\\]/)
  const filename = parts.pop() ?? ''
  if (mediaTypeOfFilename(filename).outputKind !== '3d' || !isName(filename)) return undefined
  if (parts.some((part) => !isName(part) || part.includes(':'))) return undefined
  const type = folderSchema.safeParse(folder).data ?? (tempPreview.test(filename) ? 'temp' : 'output')
  return { filename, subfolder: parts.join('/'), type }
}

/** Some of the nodes that show a model write it into the folder of temporary files, one into that of outputs. */
const tempPreview = /^preview(?:3d_advanced|_splat|_pointcloud)_[0-9a-f]{32}\./
const savedPreview = /^preview3d_[0-9a-f]{32}\./

function isPreviewOf3d({ filename, type }: FileName): boolean {
  return type === 'temp' || savedPreview.test(filename)
}

function extensionOf(contentType: string | null | undefined): string {
  switch (contentType) {
    case 'image/jpeg':
    case 'image/jpg':
      return 'jpg'
    case 'image/webp':
      return 'webp'
    default:
      return 'png'
  }
}
