import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkWorkflows, type DefinitionsChoice } from './check.ts'
import { coreNode } from './comfyui/wire/core-nodes.ts'
import { GatewayError } from './errors/gateway-error.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'check-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function write(name: string, content: string | Buffer): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

const graph = (image: string) =>
  JSON.stringify({
    '1': { class_type: 'LoadImage', inputs: { image } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
  })

async function check(paths: readonly string[], definitions: DefinitionsChoice = { kind: 'core' }) {
  return checkWorkflows({ target: { paths }, definitions, warmupCheckpoint: undefined })
}

test('the core nodes do not know files; the definitions of a server do', async () => {
  const file = write('load.json', graph('photo.png'))
  expect((await check([file])).results).toMatchObject([{ verdict: 'accepted', problems: [] }])

  const known = (names: readonly string[]) => {
    const loader = coreNode('LoadImage')
    const image = [names, { image_upload: true }]
    return write(
      `${String(names.length)}.info.json`,
      JSON.stringify({
        LoadImage: { ...loader, input: { required: { image } } },
        SaveImage: coreNode('SaveImage'),
      }),
    )
  }
  const without = await check([file], { kind: 'file', file: known(['other.png']) })
  expect(without.results).toMatchObject([{ verdict: 'refused', problems: [{ node: '1', input: 'image' }] }])
  const having = await check([file], { kind: 'file', file: known(['other.png', 'photo.png']) })
  expect(having.results).toMatchObject([{ verdict: 'accepted', problems: [] }])
})

test.each([
  ['page.html', '<html></html>', 'a web page'],
  ['empty.json', '', 'an empty text'],
  ['list.json', '[]', 'a list'],
  ['graph.json', graph('a.png'), 'a prompt'],
  ['picture.png', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3]), 'no JSON'],
])('definitions that are none are told: %s', async (name, content, text) => {
  const file = write(`definitions.${name}`, content)
  const error = await check([write('any.json', graph('a.png'))], { kind: 'file', file }).catch(
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(GatewayError)
  expect(String(error)).toContain(`${file} is ${text}`)
})

test.each([
  ['a folder', '.'],
  ['not there', 'none.json'],
])('definitions that cannot be read are told: %s', async (_, name) => {
  const file = join(folder, name)
  const checked = check([write('any.json', graph('a.png'))], { kind: 'file', file })
  await expect(checked).rejects.toThrow(`${file} cannot be read`)
  await expect(checked).rejects.toBeInstanceOf(GatewayError)
})

test.each([
  [['_part.ts'], 'begin with _'],
  [['types.d.ts', 'a.test.ts'], 'begin with _'],
  [['.'], 'There are no workflows in'],
])('nothing is checked of %j', async (names, text) => {
  const empty = mkdtempSync(join(folder, 'empty-'))
  for (const name of names) if (name !== '.') writeFileSync(join(empty, name), 'export {}')
  await expect(check(names.map((name) => join(empty, name)))).rejects.toThrow(text)
})
