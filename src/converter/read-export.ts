import { isRecord } from '../lib/json-record.ts'
import { promptSchema, type Prompt } from '../comfyui/wire/prompt.ts'
import { ConversionRefusedError } from './conversion.ts'
import { listOf } from './list-of.ts'
import { refuseUnkeepable } from './refuse-unkeepable.ts'

/** What an export holds: a prompt, a workflow of the editor, or both. */
export interface ReadExport {
  /** In API format, as ComfyUI runs it. */
  readonly prompt?: Prompt
  /** As the editor saves it. */
  readonly workflow?: Readonly<Record<string, unknown>>
}

/** How deep an export may be wrapped. */
const deepestWrapping = 4

/**
 * Tells the formats apart, and takes the export out of what it may be wrapped in: `{ prompt }`, `{ workflow }`, the
 * body of `POST /prompt`, an entry of the history. Texts of JSON are read, as media hold them.
 * @throws ConversionRefusedError when there is neither a prompt nor a workflow, or what cannot be kept as it is
 */
export function readExport(exported: unknown): ReadExport {
  refuseUnkeepable(exported)
  const found = look(exported, 0)
  if (found.prompt !== undefined || found.workflow !== undefined) return found
  throw new ConversionRefusedError([
    {
      code: 'not_an_export',
      message: `This is ${describe(exported)}, no workflow of ComfyUI.`,
      fix: 'Give a file of the menu entries "Save", "Export" or "Export (API)".',
    },
  ])
}

function look(value: unknown, depth: number): ReadExport {
  if (typeof value === 'string') {
    const parsed = parse(value)
    refuseUnkeepable(parsed)
    return look(parsed, depth + 1)
  }
  if (!isRecord(value) || depth > deepestWrapping) return {}
  if (Array.isArray(value['nodes'])) return { workflow: value }
  const prompt = asPrompt(value)
  if (prompt !== undefined) return { prompt }
  const [only, ...others] = Object.values(value)
  if (others.length === 0 && isRecord(only) && Array.isArray(only['prompt'])) return look(only, depth + 1)
  return { ...lookInto(value['workflow'], depth), ...lookForPrompt(value, depth) }
}

/** Next to a prompt the workflow stands among what is saved with the results. */
function lookForPrompt(value: Readonly<Record<string, unknown>>, depth: number): ReadExport {
  const [, , queued, queuedExtra] = listOf(value['prompt'])
  const found = lookInto(queued ?? value['prompt'], depth)
  const extra = queuedExtra ?? value['extra_data']
  const info = isRecord(extra) ? extra['extra_pnginfo'] : undefined
  const workflow = isRecord(info) ? lookInto(info['workflow'], depth).workflow : undefined
  return { ...found, ...(workflow !== undefined && { workflow }) }
}

function lookInto(value: unknown, depth: number): ReadExport {
  return value === undefined ? {} : look(value, depth + 1)
}

/** Every value is a node; at least one is there. */
function asPrompt(value: Readonly<Record<string, unknown>>): Prompt | undefined {
  const nodes = Object.values(value)
  const isPrompt = nodes.length > 0 && nodes.every((node) => isRecord(node) && typeof node['class_type'] === 'string')
  if (!isPrompt) return undefined
  return promptSchema.safeParse(value).data
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string') {
    return /\bSteps: \d+/.test(value) ? 'a list of settings of another program, which holds no graph' : 'text'
  }
  if (!isRecord(value)) return Array.isArray(value) ? 'a list' : String(value)
  if (typeof value['parameters'] === 'string') return 'a list of settings of another program, which holds no graph'
  const keys = Object.keys(value)
  if (keys.length === 0) return 'an empty object'
  const incomplete = keys.find((key) => isRecord(value[key]) && 'inputs' in value[key])
  if (incomplete !== undefined) return `an object of nodes in which some have no class_type or no inputs`
  return `an object with the keys ${keys.slice(0, 4).join(', ')}`
}
