import { z } from 'zod'
import type { OutputKind } from './job-output.ts'
import { mediaTypeOfFilename, textType } from './media-type-of-filename.ts'

interface Found {
  readonly nodeId: string
  readonly outputKind: OutputKind
  readonly contentType: string
  /** Without folders. Texts that are no file get a name of ours. */
  readonly filename: string
}

/** A file on the instance, to be fetched by `filename`, `subfolder` and `type`. */
export interface FoundFile extends Found {
  readonly kind: 'file'
  readonly subfolder: string
  readonly type: z.infer<typeof folderSchema>
}

/** A text that a node showed. */
export interface FoundText extends Found {
  readonly kind: 'text'
  readonly text: string
}

export type FoundOutput = FoundFile | FoundText

/** Something in the outputs that is neither a file nor a text, such as an image that went over a socket of its own. */
export interface UnhandledItem {
  readonly nodeId: string
  readonly key: string
  readonly item: unknown
}

const folderSchema = z.enum(['output', 'temp', 'input'])

const fileSchema = z.object({
  filename: z.string(),
  subfolder: z.string().nullish(),
  type: folderSchema.nullish(),
})

/** Lists that stand beside files and say something about them. `result` of 3D previews holds paths on the server. */
const ignoredKeys: ReadonlySet<string> = new Set(['animated', 'unfinished_batch', 'result'])

/**
 * What a prompt produced, in the order of its output nodes, of the keys within a node, and of the items within a key.
 * Takes ComfyUI's outputs as history and `executed` have them: node id → key → items.
 *
 * Previews (files of type `temp`) count only when no file was saved, echoes of inputs only when there is no preview
 * either. A file that is listed twice is found once.
 */
export function collectOutputs(
  outputs: Readonly<Record<string, unknown>>,
  onUnhandled: (unhandled: UnhandledItem) => void = () => {},
): FoundOutput[] {
  const found: FoundOutput[] = []
  const files = new Set<string>()
  let textCount = 0

  function collect(nodeId: string, key: string, item: unknown): void {
    if (typeof item === 'string') {
      textCount += 1
      found.push({ kind: 'text', nodeId, ...textType, filename: `text_${textCount}.txt`, text: item })
      return
    }
    const file = readFile(item)
    if (file === undefined) {
      onUnhandled({ nodeId, key, item })
      return
    }
    const place = JSON.stringify([file.type, file.subfolder, file.filename])
    if (files.has(place)) return
    files.add(place)
    found.push({ kind: 'file', nodeId, ...mediaTypeOfFilename(file.filename), ...file })
  }

  for (const [nodeId, output] of Object.entries(outputs)) {
    if (typeof output !== 'object' || output === null) continue
    for (const [key, items] of Object.entries(output)) {
      if (ignoredKeys.has(key)) continue
      for (const item of Array.isArray(items) ? items : [items]) collect(nodeId, key, item)
    }
  }
  const wanted = folderSchema.options.find((type) =>
    found.some((output) => output.kind === 'file' && output.type === type),
  )
  return found.filter((output) => output.kind === 'text' || output.type === wanted)
}

function readFile(item: unknown): Pick<FoundFile, 'filename' | 'subfolder' | 'type'> | undefined {
  const parsed = fileSchema.safeParse(item)
  if (!parsed.success) return undefined
  const { subfolder, type } = parsed.data
  // ComfyUI itself looks at the last part only.
  const filename = parsed.data.filename.split(/[/\\]/).at(-1) ?? ''
  if (filename === '' || filename === '.' || filename === '..' || /\p{Cc}/u.test(filename)) return undefined
  return { filename, subfolder: subfolder ?? '', type: type ?? 'output' }
}
