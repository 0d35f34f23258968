import { isRecord } from '../../lib/json-record.ts'
import { createInterner } from './intern-json.ts'
import type { NodeDefinition } from './object-info.ts'

/** What is kept of a definition: all that says something of prompts. */
const keptKeys = [
  'input_order',
  'output_name',
  'output_is_list',
  'output_matchtypes',
  'output_node',
  'is_input_list',
  'name',
  'display_name',
  'category',
  'python_module',
  'api_node',
  'deprecated',
  'experimental',
]
const textKeys: ReadonlySet<string> = new Set(['tooltip', 'description', 'placeholder'])

/** Class → definition without texts for people; equal parts of all of them are the same object. */
export function readDefinitions(objectInfo: Readonly<Record<string, unknown>>): ReadonlyMap<string, NodeDefinition> {
  const interner = createInterner((key, value) => textKeys.has(key) && typeof value === 'string')
  return new Map(
    Object.entries(objectInfo).map(
      ([classType, whole]) => [classType, readDefinition(whole, (value) => interner.intern(value))] as const,
    ),
  )
}

type Intern = (value: unknown) => unknown

function readDefinition(whole: unknown, intern: Intern): NodeDefinition {
  const definition: NodeDefinition = { input: {}, output: [] }
  if (!isRecord(whole)) return { ...definition, unreadable: true, output_node: true }
  for (const key of keptKeys) if (key in whole) definition[key] = intern(whole[key])
  definition.output_node = whole['output_node'] === true
  const required = readGroup(inputOf(whole)['required'], intern)
  const optional = readGroup(inputOf(whole)['optional'], intern)
  const { output } = whole
  if (!isRecord(whole['input']) || required === undefined || optional === undefined || !Array.isArray(output)) {
    return { ...definition, unreadable: true, output_node: whole['output_node'] !== false }
  }
  definition.output = list(intern(output))
  definition.input = { required, optional }
  const { hidden } = whole['input']
  if (isRecord(hidden)) definition.input.hidden = record(intern(hidden))
  return definition
}

function inputOf(whole: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return record(whole['input'])
}

/** Undefined when it is no group of inputs. What is said of one input may be odd: then any value is good for it. */
function readGroup(group: unknown, intern: Intern): Record<string, unknown[]> | undefined {
  if (group === undefined || group === null) return {}
  if (!isRecord(group)) return undefined
  const specs = Object.entries(group).map(([name, spec]) => [name, list(intern(isSpec(spec) ? spec : ['*']))] as const)
  return Object.fromEntries(specs)
}

function isSpec(spec: unknown): boolean {
  return Array.isArray(spec) && (typeof spec[0] === 'string' || Array.isArray(spec[0]))
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {}
}
