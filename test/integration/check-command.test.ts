import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { checkDocumentSchema, type CheckDocument } from '../../src/cli/check-document.ts'
import { coreClassTypes, coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { makePng } from '../support/make-image.ts'
import { pngOf, pngText } from '../support/make-media.ts'
import { ScriptedComfyui } from '../support/scripted-comfyui.ts'
import { WorkflowFolder } from '../support/workflow-folder.ts'

const program = fileURLToPath(new URL('../../bin/comfyui-api.js', import.meta.url))
const failureSchema = z.object({ code: z.number() })
const maxOutputBytes = 64 * 1024 * 1024

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the program as a person would. */
async function run(args: readonly string[], input = ''): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { ...process.env, COMFYUI_URL: '', WORKFLOW_DIR: '' }
    const child = execFile(
      process.execPath,
      [program, ...args],
      { env, maxBuffer: maxOutputBytes },
      (error, out, err) => resolve({ code: error === null ? 0 : failureSchema.parse(error).code, out, err }),
    )
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

async function checkJson(args: readonly string[], input?: string): Promise<CheckDocument & { code: number }> {
  const { code, out, err } = await run(['check', '--json', ...args], input)
  expect(err).toBe('')
  return { ...checkDocumentSchema.parse(JSON.parse(out)), code }
}

function makeFolder(files: Readonly<Record<string, string>>): WorkflowFolder {
  const folder = new WorkflowFolder(files)
  onTestFinished(() => folder[Symbol.dispose]())
  return folder
}

async function startComfyui(lacks: readonly string[] = []): Promise<ScriptedComfyui> {
  const comfyui = await new ScriptedComfyui().listen()
  onTestFinished(() => comfyui.stop())
  comfyui.objectInfo = Object.fromEntries(
    coreClassTypes().flatMap((name) => (lacks.includes(name) ? [] : [[name, coreNode(name)]])),
  )
  return comfyui
}

const graph = (upscaleMethod: string, saved = '2') => ({
  '1': { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 0 } },
  '2': {
    class_type: 'ImageScaleBy',
    inputs: { image: ['1', 0], upscale_method: upscaleMethod, scale_by: 2 },
    _meta: { title: 'Enlarge' },
  },
  '3': { class_type: 'SaveImage', inputs: { images: [saved, 0], filename_prefix: 'x' } },
})
const good = JSON.stringify(graph('lanczos'))
const refused = JSON.stringify(graph('lanczoz'))
const partly = JSON.stringify({
  ...graph('lanczoz'),
  '4': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'y' } },
})

/** A module with one switch; `broken` is what the graph has with it. */
const switched = (broken: string) => `import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'

export default defineWorkflow({
  RequestSchema: z.object({ size: z.int().min(16).max(512).default(64), enlarge: z.boolean().default(false) }),
  generateWorkflow: (input) => ({
    '1': { class_type: 'EmptyImage', inputs: { width: input.size, height: input.size, batch_size: 1, color: 0 } },
    ...(input.enlarge && {
      '2': { class_type: 'ImageScaleBy', inputs: { image: ['1', 0], upscale_method: '${broken}', scale_by: 2 } },
    }),
    '3': { class_type: 'SaveImage', inputs: { images: [input.enlarge ? '2' : '1', 0], filename_prefix: 'x' } },
  }),
})
`

describe('modules', () => {
  test('that are right are all that a folder holds: no problems, exit code 0', async () => {
    const folder = makeFolder({
      'draw/large.ts': switched('lanczos'),
      '_parts/shared.ts': 'export const a = 1\n',
      'types.d.ts': 'export {}\n',
      'data.json': '{"a": 1}',
    })
    const { code, out, err } = await run(['check', folder.path])
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^No problems in 1 workflow \(\d+ graphs\)\.$/m)
  })

  test('with a mistake behind a switch, without a graph, and with broken syntax are all told, each with its file', async () => {
    const folder = makeFolder({
      'good.ts': switched('area'),
      'faulty.ts': switched('lanczoz'),
      'throws.ts': switched('area').replace('({\n', "({ ...(() => { throw new Error('no graph today') })(),\n"),
      'syntax.ts': 'export default {\n  a: 1,,\n}\n',
      'nothing.mjs': 'export const a = 1\n',
    })
    const document = await checkJson([folder.path])
    expect(document.code).toBe(1)
    const verdicts = Object.fromEntries(document.results.map(({ file, verdict }) => [file, verdict]))
    expect(verdicts).toEqual({
      [folder.at('faulty.ts')]: expect.any(String),
      [folder.at('good.ts')]: 'accepted',
      [folder.at('nothing.mjs')]: 'broken',
      [folder.at('syntax.ts')]: 'broken',
      [folder.at('throws.ts')]: 'broken',
    })
    const problemsOf = (file: string) => document.results.find((result) => result.file === folder.at(file))?.problems
    expect(problemsOf('good.ts')).toEqual([])
    expect(problemsOf('faulty.ts')).toMatchObject([
      { severity: 'error', kind: 'refused', code: 'value_not_in_list', node: '2', input: 'upscale_method' },
    ])
    expect(problemsOf('faulty.ts')?.[0]?.when).toContain('enlarge')
    expect(problemsOf('syntax.ts')).toMatchObject([{ kind: 'broken_module', line: 2 }])
    expect(JSON.stringify(problemsOf('throws.ts'))).toContain('no graph today')

    const text = await run(['check', folder.path])
    expect(text.code).toBe(1)
    expect(text.err).toBe('')
    for (const file of ['faulty.ts', 'throws.ts', 'syntax.ts', 'nothing.mjs'])
      expect(text.out).toContain(folder.at(file))
    expect(text.out).not.toContain('    at ')
    expect(text.out).not.toContain('\u001b')
  })

  test('are also given one by one, and by the settings', async () => {
    const folder = makeFolder({
      'a/good.ts': switched('area'),
      'a/faulty.ts': switched('x'),
      'a/_part.ts': 'export {}',
    })
    const chosen = await checkJson([folder.at('a/good.ts'), folder.at('a/_part.ts')])
    expect([chosen.code, chosen.results.map(({ file }) => file)]).toEqual([0, [folder.at('a/good.ts')]])
    const both = await checkJson(['--workflows', folder.path, '--no-shipped-workflows'])
    expect([both.code, both.results.length]).toEqual([1, 2])
  })

  test('that ask for the names of models get those of the definitions', async () => {
    const module = `import { z } from 'zod'
import config from '../config'
export default {
  RequestSchema: z.object({ model: config.models.checkpoints.enum.default('mine.safetensors') }),
  generateWorkflow: (input) => ({
    '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: input.model } },
    '2': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
    '3': { class_type: 'VAEDecode', inputs: { samples: ['2', 0], vae: ['1', 2] } },
    '4': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'x' } },
  }),
}
`
    const folder = makeFolder({ 'old/draw.ts': module })
    const of = (...files: readonly string[]) => {
      const nodes = Object.fromEntries(coreClassTypes().map((name) => [name, coreNode(name)]))
      const input = { required: { ckpt_name: [files] } }
      return JSON.stringify({ ...nodes, CheckpointLoaderSimple: { ...coreNode('CheckpointLoaderSimple'), input } })
    }
    const having = await checkJson([folder.path, '--object-info', '-'], of('mine.safetensors', 'other.safetensors'))
    expect(having.results).toMatchObject([{ verdict: 'accepted' }])
    expect(having.summary.errors).toBe(0)
    const lacking = await checkJson([folder.path, '--object-info', '-'], of('other.safetensors'))
    expect(lacking.code).toBe(1)
    expect(JSON.stringify(lacking.results[0]?.problems)).toContain('mine.safetensors')
  })

  test('that hold the process open do not keep the command from ending', async () => {
    const folder = makeFolder({ 'busy.ts': `${switched('area')}\nsetInterval(() => undefined, 1000)\n` })
    expect((await run(['check', folder.path])).code).toBe(0)
  })
})

describe('a file with a graph', () => {
  test.each([
    ['accepted', good, 0],
    ['partly', partly, 1],
    ['refused', refused, 1],
  ])('is %s', async (verdict, content, exitCode) => {
    const folder = makeFolder({ 'graph.json': content })
    const document = await checkJson([folder.at('graph.json')])
    expect(document).toMatchObject({ code: exitCode, file: folder.at('graph.json'), verdict })
    if (verdict === 'accepted') expect(document.problems).toEqual([])
    else {
      expect(document.problems).toContainEqual(
        expect.objectContaining({
          severity: 'error',
          code: 'value_not_in_list',
          node: '2',
          class_type: 'ImageScaleBy',
          title: 'Enlarge',
          input: 'upscale_method',
          value: 'lanczoz',
        }),
      )
    }
  })

  test('may be a body, an entry of a history, or come through a pipe', async () => {
    const folder = makeFolder({
      'body.json': `\ufeff{"prompt": ${refused}}`,
      'history.json': `{"7d1c": {"prompt": [1, "7d1c", ${refused}, {}, []], "outputs": {}}}`,
    })
    const { results } = await checkJson([folder.at('body.json'), folder.at('history.json')])
    expect(results.map(({ verdict }) => verdict)).toEqual(['refused', 'refused'])
    expect(await checkJson(['-'], good)).toMatchObject({ code: 0, file: 'standard input', verdict: 'accepted' })
  })

  test('that is accepted and would end ComfyUI is an error all the same', async () => {
    const fatal = JSON.stringify({ ...graph('area'), '9': { class_type: 'EmptyImage' } })
    const document = await checkJson(['-'], fatal)
    expect(document).toMatchObject({ code: 1, verdict: 'accepted' })
    expect(document.problems?.[0]).toMatchObject({ severity: 'error', kind: 'fatal', node: '9' })
  })

  test('that holds something else is told what it is, and the others are checked', async () => {
    const folder = makeFolder({
      'good.json': good,
      'empty.json': '',
      'page.json': '<!doctype html><title>x</title>',
      'cut.json': good.slice(0, -20),
      'package.json': '{"name": "x"}',
    })
    writeFileSync(folder.at('picture.png'), makePng(8, 8))
    const files = ['good.json', 'empty.json', 'page.json', 'cut.json', 'package.json', 'picture.png']
    const { code, results } = await checkJson(files.map((file) => folder.at(file)))
    expect(code).toBe(1)
    const said = Object.fromEntries(results.map(({ problems, file }) => [file, problems[0]?.message ?? 'fine']))
    expect(Object.values(said)).toEqual([
      'fine',
      expect.stringContaining('empty'),
      expect.stringContaining('web page'),
      expect.stringContaining('no JSON'),
      expect.stringContaining('no graph'),
      expect.stringContaining('without a graph'),
    ])
    expect(results[5]?.problems[0]?.fix).toContain('--disable-metadata')
  })

  test('is converted first where it is in the format of the editor, or in a picture', async () => {
    const node = { id: 1, type: 'EmptyImage', inputs: [], outputs: [{ name: 'IMAGE', type: 'IMAGE', links: [1] }] }
    const preview = { id: 2, type: 'PreviewImage', inputs: [{ name: 'images', type: 'IMAGE', link: 1 }], outputs: [] }
    const links = [[1, 1, 0, 2, 0, 'IMAGE']]
    const workflow = (values: readonly unknown[]) =>
      JSON.stringify({ last_node_id: 2, version: 0.4, nodes: [{ ...node, widgets_values: values }, preview], links })
    const folder = makeFolder({
      'sound.json': workflow([64, 32, 1, 0]),
      'beyond.json': workflow([64, 99999, 1, 0]),
      'doubtful.json': workflow([64, 32, 1, 0, 'more', 'values']),
      'unknown.json': workflow([64, 32, 1, 0]).replace('EmptyImage', 'EmptyPicture'),
    })
    writeFileSync(folder.at('picture.png'), pngOf(pngText.plain(['workflow', workflow([64, 32, 1, 0])])))
    const files = ['sound.json', 'picture.png', 'beyond.json', 'doubtful.json', 'unknown.json']
    const { results } = await checkJson(files.map((file) => folder.at(file)))
    expect(results.map(({ verdict, problems }) => [verdict, problems[0]?.code])).toEqual([
      ['accepted', undefined],
      ['accepted', undefined],
      ['refused', 'value_bigger_than_max'],
      ['accepted', 'doubtful_conversion'],
      ['broken', 'not_convertible'],
    ])
  })
})

describe('nothing is checked, with exit code 2 and one line,', () => {
  test('where there is nothing to check', async () => {
    const folder = makeFolder({ 'good.json': good })
    mkdirSync(folder.at('empty'))
    const wrong = [
      [[folder.at('none.json')], 'There is no file or folder'],
      [[folder.at('empty')], 'There are no workflows in'],
      [[folder.at('good.json'), '--unknown'], 'unknown option'],
    ] as const
    for (const [args, text] of wrong) {
      const { code, out, err } = await run(['check', '--json', ...args])
      expect([code, out]).toEqual([2, ''])
      expect(err).toContain(text)
      expect(err).not.toContain('    at ')
    }
  })

  test('where the definitions are none', async () => {
    const folder = makeFolder({ 'good.json': good, 'page.html': '<html></html>' })
    for (const file of ['page.html', 'none.json']) {
      const { code, out, err } = await run(['check', folder.at('good.json'), '--object-info', folder.at(file)])
      expect([file, code, out]).toEqual([file, 2, ''])
      expect(err).toContain(file)
      expect(err).not.toContain('    at ')
    }
  })

  test('where ComfyUI is down, or is something else', async () => {
    const folder = makeFolder({ 'good.json': good })
    const down = await startComfyui()
    const { url } = down
    await down.stop()
    const unreachable = await run(['check', folder.at('good.json'), '--comfyui-url', url])
    expect(unreachable).toMatchObject({ code: 2, out: '' })
    expect(unreachable.err).toContain(`${url} cannot be reached`)

    const web = createServer((request, response) => {
      const isLocked = request.url?.startsWith('/locked') === true
      response.writeHead(isLocked ? 401 : 200, { 'content-type': 'text/html' }).end('<html>Hello</html>')
    })
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    onTestFinished(() => void web.close())
    const address = `http://127.0.0.1:${String((web.address() as AddressInfo).port)}`
    for (const [args, exitCode, text] of [
      [['check', folder.at('good.json'), '--comfyui-url', address], 2, 'web page'],
      [['object-info', '--comfyui-url', `${address}/locked`], 1, '401'],
    ] as const) {
      const { code, out, err } = await run(args)
      expect([code, out]).toEqual([exitCode, ''])
      expect(err).toContain(text)
      expect(err).not.toContain('    at ')
    }
  })
})

describe('against instances', () => {
  let objectInfo: string
  let comfyui: ScriptedComfyui
  beforeAll(async () => {
    comfyui = await new ScriptedComfyui().listen()
    comfyui.objectInfo = Object.fromEntries(coreClassTypes().map((name) => [name, coreNode(name)]))
    const { code, out, err } = await run(['object-info', '--comfyui-url', comfyui.url])
    expect([code, err]).toEqual([0, ''])
    objectInfo = out
    return () => comfyui.stop()
  })

  test('what object-info prints is what the instance said, and checks the same without it', async () => {
    expect(JSON.parse(objectInfo)).toEqual(JSON.parse(JSON.stringify(comfyui.objectInfo)))
    expect(objectInfo.endsWith('}\n')).toBe(true)
    const folder = makeFolder({ 'bad.json': refused, 'object_info.json': objectInfo })
    const asked = await checkJson([folder.at('bad.json'), '--comfyui-url', comfyui.url])
    const read = await checkJson([folder.at('bad.json'), '--object-info', folder.at('object_info.json')])
    const piped = await checkJson([folder.at('bad.json'), '--object-info', '-'], objectInfo)
    for (const document of [asked, read, piped]) {
      expect(document).toMatchObject({
        code: 1,
        verdict: 'refused',
        problems: [{ node: '2', input: 'upscale_method' }],
      })
    }
    expect(asked.definitions).toEqual([{ source: `ComfyUI 0.33.0 at ${comfyui.url}`, kind: 'instances' }])
  })

  test('a problem of one of them names it, and one of all is told once', async () => {
    const lesser = await startComfyui(['ImageScaleBy'])
    const folder = makeFolder({ 'good.json': good, 'none.json': good.replace('EmptyImage', 'Nowhere') })
    const both = ['--comfyui-url', comfyui.url, '--comfyui-url', lesser.url]
    const of = `ComfyUI 0.33.0 at ${lesser.url}`
    const one = await checkJson([folder.at('good.json'), ...both])
    expect(one).toMatchObject({ code: 1, verdict: 'refused' })
    expect(one.results[0]?.verdicts.map(({ verdict }) => verdict)).toEqual(['accepted', 'refused'])
    expect(one.problems).toMatchObject([{ node: '2', class_type: 'ImageScaleBy', definitions: [of] }])

    const all = await checkJson([folder.at('none.json'), ...both])
    const nowhere = all.problems?.filter(({ class_type: classType }) => classType === 'Nowhere') ?? []
    expect(nowhere).toHaveLength(1)
    expect(nowhere[0]).not.toHaveProperty('definitions')
    expect(nowhere[0]?.message).toContain(lesser.url)
  })

  test('the Manager of an instance is asked for the pack of a missing class, and only then', async () => {
    const managed = await startComfyui()
    managed.on('GET /customnode/getmappings', () => ({
      json: { 'face-pack': [['FaceThing'], { title_aux: 'Faces' }] },
    }))
    const folder = makeFolder({
      'fine.ts': switched('area'),
      'face.ts': switched('area').replace("'EmptyImage'", "'FaceThing'"),
      'face.json': good.replace('EmptyImage', 'FaceThing'),
    })
    await checkJson([folder.at('fine.ts'), '--comfyui-url', managed.url])
    expect(managed.count('GET /customnode/getmappings')).toBe(0)
    const { results } = await checkJson([folder.at('face.ts'), folder.at('face.json'), '--comfyui-url', managed.url])
    expect(managed.count('GET /customnode/getmappings')).toBe(1)
    for (const { problems } of results) {
      expect(problems).toContainEqual(
        expect.objectContaining({ class_type: 'FaceThing', fix: expect.stringContaining('face-pack') }),
      )
    }
  })

  test('a file that is written holds the same as the output', async () => {
    const folder = makeFolder({})
    const { code, out } = await run(['object-info', '--comfyui-url', comfyui.url, '--output', folder.at('o.json')])
    expect([code, out, readFileSync(folder.at('o.json'), 'utf8')]).toEqual([0, '', objectInfo])
  })
})
