import { isRecord } from '../../lib/json-record.ts'

/**
 * The id in `{"asset": id}`, which stands for a file that was uploaded before; `undefined` when a value is something
 * else. Whether there is such an asset is not known.
 */
export function assetIdIn(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined
  const [first, second] = Object.entries(value)
  if (first === undefined || second !== undefined) return undefined
  const [key, id] = first
  return key === 'asset' && typeof id === 'string' ? id : undefined
}

/** JSON Schema of `{"asset": id}`. */
export const assetReferenceSchema = {
  type: 'object',
  title: 'Asset',
  properties: {
    asset: { type: 'string', pattern: '^[0-9a-f]{64}$', minLength: 64, maxLength: 64, description: 'Id of an asset.' },
  },
  required: ['asset'],
  additionalProperties: false,
} as const

/** What is said of the file, whatever form it is given in. */
const outerKeys: ReadonlySet<string> = new Set(['title', 'description', 'default', 'examples', 'deprecated'])

/** The JSON Schema of a medium as text, as one that takes `{"asset": id}` as well. */
export function orAsset(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isOuter = (key: string) => outerKeys.has(key) || key.startsWith('x-')
  const pick = (wanted: boolean) =>
    Object.fromEntries(Object.entries(schema).filter(([key]) => isOuter(key) === wanted))
  return { ...pick(true), anyOf: [pick(false), assetReferenceSchema] }
}
