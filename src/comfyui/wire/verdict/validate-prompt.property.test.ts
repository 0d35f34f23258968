import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readNodeCatalogue } from '../node-catalogue.ts'
import { validatePrompt } from './validate-prompt.ts'

/*
 * The walk goes depth first and stops where a link is wrong. What it must find can be told without walking: which nodes
 * are reached through good links, what is wrong with each of them alone, and what hangs on those. This file does it that
 * way, for graphs of its own.
 */

const sizes = ['small', 'large', true, 3]
const catalogue = readNodeCatalogue(
  {
    Source: { input: { required: { count: ['INT', { min: 0, max: 10 }] } }, output: ['A', 'B'] },
    Mix: {
      input: { required: { one: ['A'] }, optional: { two: ['A,B'], size: [sizes, {}] } },
      output: ['A', '*'],
    },
    Choose: {
      input: {
        required: {
          mode: ['COMFY_DYNAMICCOMBO_V3', { options: [{ key: 'deep', inputs: { required: { link: ['B'] } } }] }],
        },
        optional: { many: ['COMFY_AUTOGROW_V3', { template: growsFrom('B'), prefix: 'x', min: 0, max: 3 }] },
      },
      output: ['B'],
    },
    Save: { input: { required: { what: ['A'] }, optional: { also: ['*'] } }, output: [], output_node: true },
  },
  { source: 'the test', comfyuiVersion: '0.33.0' },
)

function growsFrom(type: string) {
  return { input: { required: {}, optional: { value: [type] } }, prefix: 'x', min: 0, max: 3 }
}

/** The inputs that links may stand in, what they take, and which are needed. */
const linkInputs = {
  Source: {},
  Mix: { one: 'A', two: 'A,B' },
  Choose: { 'mode.link': 'B', 'many.x0': 'B', 'many.x2': 'B' },
  Save: { what: 'A', also: '*' },
} as const
const outputTypes = { Source: ['A', 'B'], Mix: ['A', '*'], Choose: ['B'], Save: [] } as const
type ClassType = keyof typeof linkInputs
interface TestNode {
  readonly class_type: ClassType
  readonly inputs: Record<string, unknown>
}
type Graph = Record<string, TestNode>

const matches: Readonly<Record<string, readonly string[]>> = {
  A: ['A', '*'],
  B: ['B', '*'],
  'A,B': ['A', 'B', '*'],
  '*': ['A', 'B', '*'],
}

const literal = fc.oneof(
  fc.constantFrom('small', 'large', 'Small', 'deep', true, false, 1, 3, '3', ' 4 ', 0, 10, 11, -1, 10.9, null, ''),
  fc.integer({ min: -3, max: 14 }),
  fc.record({ __value__: fc.constantFrom(5, 'small', 'x', null) }),
)

const graph: fc.Arbitrary<Graph> = fc
  .array(
    fc.record({
      class_type: fc.constantFrom<ClassType>('Source', 'Mix', 'Mix', 'Choose', 'Save'),
      links: fc.array(fc.tuple(fc.nat(20), fc.boolean(), fc.boolean()), { minLength: 3, maxLength: 3 }),
      value: literal,
      isGood: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((plans) => {
    const ids = plans.map((_, index) => `n${String(index)}`)
    const classOf = (index: number) => plans[index]?.class_type ?? 'Save'
    const built = plans.map(({ class_type, links, value, isGood }, index) => {
      const inputs: Record<string, unknown> = {}
      Object.entries(linkInputs[class_type]).forEach(([name, wanted], place) => {
        const [to = 0, isAbsent = false, isWild = false] = links[place] ?? []
        const fits = ids.filter((_, other) => (isWild || other < index) && slotFor(classOf(other), wanted) !== -1)
        const id = fits[to % Math.max(fits.length, 1)]
        if (isWild && to < 3) inputs[name] = [1, 2, 3].slice(0, to === 2 ? 1 : 3)
        else if (isWild && outputTypes[classOf(to % ids.length)].length > 0) inputs[name] = [ids[to % ids.length], 0]
        else if (id !== undefined && !isAbsent) {
          inputs[name] = [id, slotFor(classOf(ids.indexOf(id)), wanted)]
        }
      })
      if (class_type === 'Source') inputs['count'] = isGood ? 5 : value
      if (class_type === 'Mix' && !isGood) inputs['size'] = value
      if (class_type === 'Choose') inputs['mode'] = isGood ? 'deep' : value
      return [ids[index] ?? '', { class_type, inputs }] as const
    })
    return Object.fromEntries(built)
  })

function slotFor(classType: ClassType, wanted: string): number {
  return outputTypes[classType].findIndex((type) => matches[wanted]?.includes(type))
}

/** What is wrong with one node, and where its good links lead. */
function lookAt(graph: Graph, { class_type, inputs }: TestNode): { errors: string[]; sources: string[] } {
  const errors: string[] = []
  const sources: string[] = []
  const required: readonly string[] = {
    Source: ['count'],
    Mix: ['one'],
    Choose: inputs['mode'] === 'deep' ? ['mode.link'] : [],
    Save: ['what'],
  }[class_type]
  for (const name of required) if (!(name in inputs)) errors.push(`required_input_missing ${name}`)
  for (const [name, wanted] of Object.entries(linkInputs[class_type])) {
    const link = inputs[name]
    if (link === undefined || (name === 'mode.link' && inputs['mode'] !== 'deep')) continue
    const [id, slot] = Array.isArray(link) && link.length === 2 ? link : []
    const source = graph[String(id)]
    const type = source === undefined ? undefined : outputTypes[source.class_type][Number(slot)]
    if (type === undefined) errors.push(`bad_linked_input ${name}`)
    else if (matches[wanted]?.includes(type) === true) sources.push(String(id))
    else errors.push(`return_type_mismatch ${name}`)
  }
  const wrapped = inputs['count'] ?? inputs['size'] ?? null
  const value = typeof wrapped === 'object' && wrapped !== null ? Object.values(wrapped)[0] : wrapped
  if ('count' in inputs) {
    const text = typeof value === 'string' && !/^ *\d+ *$/.test(value)
    const number = Math.trunc(Number(value))
    if (value === null || text) errors.push('invalid_input_type count')
    else if (number < 0) errors.push('value_smaller_than_min count')
    else if (number > 10) errors.push('value_bigger_than_max count')
  }
  if ('size' in inputs && !['small', 'large', true, 1, 3].some((choice) => choice === value)) {
    errors.push('value_not_in_list size')
  }
  return { errors: errors.sort(), sources }
}

function reachedFrom(start: string, sources: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set([start])
  for (const id of reached) for (const source of sources.get(id) ?? []) reached.add(source)
  return reached
}

test('finds what can be told of each node alone, and nothing else', () => {
  fc.assert(
    fc.property(graph, (prompt) => {
      const looked = Object.entries(prompt).map(([id, node]) => [id, lookAt(prompt, node)] as const)
      const sources = new Map(looked.map(([id, each]) => [id, each.sources]))
      const errors = new Map(looked.map(([id, each]) => [id, each.errors]))
      const reached = new Map(Object.keys(prompt).map((id) => [id, reachedFrom(id, sources)]))
      const isOnCycle = (id: string) => (sources.get(id) ?? []).some((source) => reached.get(source)?.has(id) === true)
      const isGood = (id: string) =>
        [...(reached.get(id) ?? [])].every((other) => errors.get(other)?.length === 0 && !isOnCycle(other))

      const saves = Object.keys(prompt).filter((id) => prompt[id]?.class_type === 'Save')
      const good = saves.filter(isGood)
      const needed = new Set(saves.flatMap((id) => [...(reached.get(id) ?? [])]))
      const expected = [...needed].flatMap((id) => (errors.get(id) ?? []).map((error) => `${id} ${error}`))

      const verdict = validatePrompt(prompt, undefined, {
        nodes: catalogue.lookUp,
        rules: catalogue.rules,
        fileExists: () => false,
      })
      if (verdict.kind === 'crash') throw new Error('no such graph is too much for the server')
      const found = Object.entries(verdict.nodeErrors).flatMap(([id, node]) =>
        node.errors.map(({ type, extra_info }) => ({
          id,
          type,
          line: `${id} ${type} ${String(extra_info['input_name'])}`,
        })),
      )
      const ofCycles = found.filter(({ type }) => type === 'dependency_cycle')
      const others = found.filter(({ type }) => type !== 'dependency_cycle').map(({ line }) => line)

      expect(others.sort()).toEqual(expected.sort())
      expect(ofCycles.length > 0).toBe([...needed].some(isOnCycle))
      expect(ofCycles.every(({ id }) => isOnCycle(id))).toBe(true)
      expect(verdict.kind === 'accepted' ? verdict.outputs : []).toEqual(good)
      if (saves.length === 0) expect(verdict).toMatchObject({ error: { type: 'prompt_no_outputs' } })
      for (const [id, { dependent_outputs }] of Object.entries(verdict.nodeErrors)) {
        expect(dependent_outputs.length).toBeGreaterThan(0)
        expect(good).not.toContain(id)
        expect(good.filter((output) => dependent_outputs.includes(output))).toEqual([])
      }
    }),
    { numRuns: 1000 },
  )
})
