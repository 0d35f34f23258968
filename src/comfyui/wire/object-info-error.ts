import { isRecord } from '../../lib/json-record.ts'

/** What was given is not the answer of `GET /object_info`. The message says what it is and how to get the right one. */
export class ObjectInfoError extends Error {
  /** What it is instead, such as `a prompt`. */
  readonly found: string

  /**
   * @param source what was read, for people
   * @param found what it is instead, such as `a prompt`
   */
  constructor(source: string, found: string) {
    super(
      `${source} is ${found}, not the node classes of a ComfyUI. ` +
        'Get them with: comfyui-api object-info --comfyui-url http://127.0.0.1:8188 > object_info.json',
    )
    this.name = 'ObjectInfoError'
    this.found = found
  }
}

/** What a text is that is no JSON. */
export function describeText(text: string): string {
  if (text.trim() === '') return 'an empty text'
  return /^\s*</.test(text) ? 'a web page' : 'no JSON'
}

/** How deep a wrapping may go, such as `{ "data": { "object_info": … } }`. */
const deepestWrapping = 3

/**
 * The object of classes, taken out of what it may be wrapped in.
 * @throws ObjectInfoError when there is none
 */
export function findObjectInfo(value: unknown, source: string): Readonly<Record<string, unknown>> {
  const found = unwrap(value, deepestWrapping)
  if (found === undefined) throw new ObjectInfoError(source, describe(value))
  return found
}

function unwrap(value: unknown, depth: number): Record<string, unknown> | undefined {
  if (!isRecord(value)) return undefined
  const parts = Object.values(value)
  if (parts.some(isDefinition)) return value
  if (depth === 0) return undefined
  for (const part of parts) {
    const inner = unwrap(part, depth - 1)
    if (inner !== undefined) return inner
  }
  return undefined
}

function isDefinition(value: unknown): boolean {
  return isRecord(value) && isRecord(value['input']) && Array.isArray(value['output'])
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (!isRecord(value)) return value === null ? 'null' : `a ${typeof value}`
  const parts = Object.values(value)
  if (parts.length === 0) return 'an empty object'
  if (Array.isArray(value['nodes'])) return 'a workflow of the editor'
  if (isRecord(value['prompt']) || parts.some((part) => isRecord(part) && 'class_type' in part)) return 'a prompt'
  for (const key of ['error', 'detail', 'message', 'title']) {
    const text = value[key]
    const words = isRecord(text) ? text['message'] : text
    if (typeof words === 'string') return `an error (${words.slice(0, 200)})`
  }
  if (isRecord(value['system'])) return 'the answer of /system_stats'
  return `an object with the keys ${Object.keys(value).slice(0, 3).join(', ')}`
}
