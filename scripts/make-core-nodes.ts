/*
 * Writes src/comfyui/wire/core-nodes.json: every core node of one ComfyUI version, and what an older version has
 * differently, without texts for people. Subtrees that repeat are stored once: `{ "$": n }` stands for `shared[n]`.
 *
 *   node scripts/make-core-nodes.ts OBJECT_INFO.json [OLDER_OBJECT_INFO.json]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'

type Json = null | boolean | number | string | Json[] | JsonObject
interface JsonObject {
  [key: string]: Json
}

const textKeys = new Set(['tooltip', 'description', 'placeholder'])
const shortestShared = 24

const [newerPath, olderPath] = process.argv.slice(2)
if (newerPath === undefined) {
  console.error('usage: node scripts/make-core-nodes.ts OBJECT_INFO.json [OLDER_OBJECT_INFO.json]')
  process.exit(2)
}

const newer = compactAll(read(newerPath))
const table: JsonObject = { version: basename(newerPath, '.json'), nodes: newer }
if (olderPath !== undefined) {
  const older = compactAll(read(olderPath))
  table['older'] = {
    version: basename(olderPath, '.json'),
    lacks: Object.keys(newer).filter((name) => !(name in older)),
    nodes: Object.fromEntries(Object.entries(older).filter(([name, node]) => !isDeepStrictEqual(node, newer[name]))),
  }
}
const shared = share(table)
const target = new URL('../src/comfyui/wire/core-nodes.json', import.meta.url)
const text = writeTable(shared.table, shared.values)
writeFileSync(target, text)
console.log(`${Object.keys(newer).length} classes, ${shared.values.length} shared values, ${text.length} bytes`)

function read(path: string): JsonObject {
  const parsed = JSON.parse(readFileSync(path, 'utf8')) as Json
  return object(parsed, path)
}

function object(value: Json | undefined, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} is no object`)
  return value
}

/** Classes outside of ComfyUI itself are left out. */
function compactAll(info: JsonObject): JsonObject {
  const entries = Object.entries(info).map(([name, node]) => [name, object(node, name)] as const)
  const core = entries.filter(([, node]) => !JSON.stringify(node['python_module']).includes('custom_nodes'))
  return Object.fromEntries(core.map(([name, node]) => [name, compact(name, node)]))
}

function compact(name: string, node: JsonObject): JsonObject {
  const input = withoutTexts(node['input'] ?? {})
  checkOrder(name, object(input, name), object(node['input_order'] ?? {}, name))
  const output = node['output'] ?? []
  const result: JsonObject = {
    input,
    output,
    category: node['category'] ?? '',
    module: node['python_module'] ?? 'nodes',
  }
  if (!isDeepStrictEqual(node['output_name'], output)) result['output_name'] = node['output_name'] ?? []
  if (Array.isArray(node['output_is_list']) && node['output_is_list'].includes(true)) {
    result['output_is_list'] = node['output_is_list']
  }
  if (node['display_name'] !== name) result['display_name'] = node['display_name'] ?? null
  for (const flag of [
    'output_node',
    'is_input_list',
    'has_intermediate_output',
    'api_node',
    'deprecated',
    'experimental',
  ]) {
    if (node[flag] === true) result[flag] = true
  }
  if (Array.isArray(node['output_matchtypes'])) result['output_matchtypes'] = node['output_matchtypes']
  return result
}

function withoutTexts(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutTexts)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key, inner]) => !(textKeys.has(key) && typeof inner === 'string'))
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutTexts(inner)]))
}

/** The reader takes the order of the keys for the order of the inputs. */
function checkOrder(name: string, input: JsonObject, order: JsonObject): void {
  for (const [group, names] of Object.entries(order)) {
    if (!isDeepStrictEqual(Object.keys(object(input[group] ?? {}, name)), names)) {
      throw new Error(`${name}: input_order.${group} is not the order of the keys`)
    }
  }
}

function share(whole: JsonObject): { table: JsonObject; values: Json[] } {
  const uses = new Map<string, number>()
  count(whole)
  const positions = new Map<string, number>()
  const values: Json[] = []
  return { table: object(replaceChildren(whole), 'table'), values }

  function count(value: Json): void {
    if (typeof value !== 'object' || value === null) return
    if (!Array.isArray(value) && '$' in value) throw new Error('the key $ is taken')
    const key = JSON.stringify(value)
    const seen = uses.get(key) ?? 0
    uses.set(key, seen + 1)
    if (seen === 0) Object.values(value).forEach(count)
  }

  function replace(value: Json): Json {
    if (typeof value !== 'object' || value === null) return value
    const key = JSON.stringify(value)
    if (key.length < shortestShared || (uses.get(key) ?? 0) < 2) return replaceChildren(value)
    let position = positions.get(key)
    if (position === undefined) {
      const stored = replaceChildren(value)
      position = values.push(stored) - 1
      positions.set(key, position)
    }
    return { $: position }
  }

  function replaceChildren(value: Json): Json {
    if (Array.isArray(value)) return value.map(replace)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replace(inner)]))
  }
}

/** One class and one shared value a line, so that a change of the table can be read. */
function writeTable(whole: JsonObject, values: Json[]): string {
  const lines = (object: JsonObject): string =>
    `{\n${Object.entries(object)
      .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
      .join(',\n')}\n}`
  const parts = [`"version":${JSON.stringify(whole['version'])}`]
  parts.push(`"shared":[\n${values.map((value) => JSON.stringify(value)).join(',\n')}\n]`)
  parts.push(`"nodes":${lines(object(whole['nodes'], 'nodes'))}`)
  if (whole['older'] !== undefined) {
    const older = object(whole['older'], 'older')
    const lacks = JSON.stringify(older['lacks'])
    const nodes = lines(object(older['nodes'], 'older nodes'))
    parts.push(`"older":{"version":${JSON.stringify(older['version'])},"lacks":${lacks},\n"nodes":${nodes}}`)
  }
  return `{${parts.join(',\n')}}\n`
}
