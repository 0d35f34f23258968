import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { convertFile } from '../../test/support/convert-file.ts'
import { editorFile, type EditorInput, type EditorNode } from '../../test/support/editor-file.ts'
import { fileOf, graphArbitrary } from '../../test/support/random-editor-graph.ts'
import { isPromptLink, type Prompt } from '../comfyui/wire/prompt.ts'

const runs = { numRuns: 150 }

describe('graphs of all kinds of nodes', () => {
  test('come back from the format of the editor as they were', () => {
    fc.assert(
      fc.property(graphArbitrary, ({ prompt, nodes }) => {
        expect(bare(convert(fileOf(nodes)))).toEqual(prompt)
      }),
      runs,
    )
  })

  test('do not depend on the order of nodes, slots of links, and inputs without links', () => {
    fc.assert(
      fc.property(graphArbitrary, fc.nat(), ({ prompt, nodes }, seed) => {
        const file = fileOf(nodes)
        const shuffled = {
          ...file,
          nodes: shuffle(file.nodes, seed),
          links: shuffle(file.links, seed).map((link) => link.with(4, seed % 9)),
        }
        expect(bare(convert(shuffled))).toEqual(prompt)
      }),
      runs,
    )
  })

  test('are the same with a reroute in every link of a socket', () => {
    fc.assert(
      fc.property(graphArbitrary, ({ prompt, nodes }) => {
        expect(bare(convert(fileOf(withReroutes(nodes))))).toEqual(prompt)
      }),
      runs,
    )
  })

  test('are the same inside of a subgraph, but for the ids', () => {
    fc.assert(
      fc.property(graphArbitrary, ({ prompt, nodes }) => {
        const id = '33333333-3333-4333-8333-333333333333'
        const file = editorFile([{ id: 900, type: id }], { subgraphs: [{ id, nodes }], lastNodeId: 1000 })
        expect(bare(convert(file))).toEqual(withPrefix(prompt, '900:'))
      }),
      runs,
    )
  })

  test('with nodes muted and bypassed at random have only links to nodes that are there', () => {
    const modes = fc.array(fc.constantFrom(0, 0, 2, 4), { minLength: 12, maxLength: 12 })
    fc.assert(
      fc.property(graphArbitrary, modes, ({ nodes, prompt: whole }, chosen) => {
        const changed = nodes.map((node, index) => ({ ...node, mode: chosen[index] ?? 0 }))
        const prompt = bare(convert(fileOf(changed)))
        const active = changed.filter(({ mode }) => mode === 0).map(({ id }) => String(id))
        expect(Object.keys(prompt)).toEqual(active)
        for (const { id, values, inputs: sockets = {} } of changed) {
          for (const [name, value] of Object.entries(prompt[String(id)]?.inputs ?? {})) {
            if (isPromptLink(value)) {
              expect(active).toContain(value[0])
              expect(sockets).toHaveProperty([name])
              // A widget whose link leads nowhere has the value of the file.
            } else if (name in sockets) expect(values).toContainEqual(value)
            else expect(value).toEqual(whole[String(id)]?.inputs[name])
          }
        }
      }),
      runs,
    )
  })

  test('convert to the same prompt every time', () => {
    fc.assert(
      fc.property(graphArbitrary, ({ nodes }) => {
        const file = fileOf(nodes)
        const first = JSON.stringify(convert(file))
        expect(JSON.stringify(convert(structuredClone(file)))).toBe(first)
      }),
      { numRuns: 50 },
    )
  })
})

function convert(file: unknown): Prompt {
  return convertFile(file).prompt
}

/** Without titles, which the random graphs do not tell. */
function bare(prompt: Prompt): Prompt {
  return Object.fromEntries(Object.entries(prompt).map(([id, { class_type, inputs }]) => [id, { class_type, inputs }]))
}

function withPrefix(prompt: Prompt, prefix: string): Prompt {
  return Object.fromEntries(
    Object.entries(prompt).map(([id, { class_type, inputs }]) => [
      `${prefix}${id}`,
      {
        class_type,
        inputs: Object.fromEntries(
          Object.entries(inputs).map(([name, value]) => [
            name,
            isPromptLink(value) ? [`${prefix}${value[0]}`, value[1]] : value,
          ]),
        ),
      },
    ]),
  )
}

function withReroutes(nodes: readonly EditorNode[]): EditorNode[] {
  let id = 500
  const reroutes: EditorNode[] = []
  const rewired = nodes.map((node) => ({
    ...node,
    inputs: Object.fromEntries(
      Object.entries(node.inputs ?? {}).map(([name, input]): [string, EditorInput] => {
        if (!('from' in input)) throw new Error(`${name} has no link`)
        id += 1
        reroutes.push({ id, type: 'Reroute', inputs: { '': { from: input.from } }, outputs: ['*'] })
        return [name, { ...input, from: [id, 0] as const }]
      }),
    ),
  }))
  return [...rewired, ...reroutes]
}

function shuffle<T>(list: readonly T[], seed: number): T[] {
  const keyed = list.map((item, index) => ({ item, key: Math.imul(index + 1, seed | 1) >>> 0 }))
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item)
}
