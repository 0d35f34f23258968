import { isRecord } from '../../lib/json-record.ts'
import { listOf } from '../list-of.ts'

/** What an older host shows: a widget of a node inside. */
export interface ProxyTuple {
  /** Id of the node; `-1` for an input of the subgraph. */
  readonly source: string
  /** Names by which the widget may be found, the likelier first. */
  readonly names: readonly string[]
  /** Previews, buttons and controls are shown, but are no inputs. */
  readonly isInput: boolean
}

/** Widgets that the editor adds for itself. */
const editorWidgets: ReadonlySet<string> = new Set([
  'control_after_generate',
  'control_filter_list',
  'upload',
  'refresh',
])

/** Reads `proxyWidgets` of a host; empty when there are none. */
export function readTuples(properties: Readonly<Record<string, unknown>>): ProxyTuple[] {
  const saved = properties['proxyWidgets']
  const list: unknown = typeof saved === 'string' ? parse(saved) : saved
  if (!Array.isArray(list)) return []
  return list.map((entry: unknown) => {
    const [source, name] = listOf(entry)
    const text = typeof name === 'string' ? name : ''
    const bare = text.replace(/^\d+: /, '')
    const names = bare === text ? [text] : [text, bare]
    return { source: String(source), names, isInput: text !== '' && !text.startsWith('$$') && !editorWidgets.has(bare) }
  })
}

/** Values that the editor kept although it could not place them: input of the subgraph → value. */
export function quarantinedValues(properties: Readonly<Record<string, unknown>>): ReadonlyMap<string, unknown> {
  const saved = properties['proxyWidgetErrorQuarantine']
  if (!Array.isArray(saved)) return new Map()
  return new Map(
    saved.flatMap((entry: unknown) => {
      if (!isRecord(entry) || !('hostValue' in entry)) return []
      const [source, name] = listOf(entry['originalEntry'])
      return String(source) === '-1' && typeof name === 'string' ? [[name, entry['hostValue']] as const] : []
    }),
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
