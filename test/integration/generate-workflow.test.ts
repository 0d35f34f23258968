import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { parseExportFile } from '../../src/converter/parse-export-file.ts'
import { readExport } from '../../src/converter/read-export.ts'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { createSimulator } from '../../src/simulator/simulator.ts'
import { openWorkflows } from '../../src/workflows/open-workflows.ts'
import { editorFile } from '../support/editor-file.ts'
import {
  exifOf,
  flacOf,
  mp3Of,
  mp4Of,
  oggOf,
  pngOf,
  pngText,
  safetensorsOf,
  webmOf,
  webpOf,
} from '../support/make-media.ts'
import { nativeImport } from '../support/native-import.ts'
import { connect, isEndOf } from '../support/simulator-client.ts'
import { startGateway } from '../support/start-gateway.ts'
import { WorkflowFolder } from '../support/workflow-folder.ts'

const program = fileURLToPath(new URL('../../bin/comfyui-api.js', import.meta.url))

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs a command as a person would who stands in the folder. Nothing may stay in the folder of temporary files. */
async function run(folder: WorkflowFolder, line: readonly string[], input: Buffer | string = ''): Promise<Ran> {
  const { COMFYUI_URL: _, WORKFLOW_DIR: __, OPENROUTER_API_KEY: ___, ...env } = process.env
  const temporary = mkdtempSync(join(tmpdir(), 'temporary-'))
  const [command = '', ...args] = line
  try {
    const child = spawn(command, args, { cwd: folder.path, env: { ...env, TMPDIR: temporary } })
    const ended = once(child, 'close')
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    await ended
    expect(readdirSync(temporary)).toEqual([])
    return { code: child.exitCode, out, err }
  } finally {
    rmSync(temporary, { recursive: true })
  }
}

const comfyuiApi = (folder: WorkflowFolder, args: readonly string[], input: Buffer | string = '') =>
  run(folder, [process.execPath, program, ...args], input)

const generate = (folder: WorkflowFolder, args: readonly string[], input: Buffer | string = '') =>
  comfyuiApi(folder, ['generate-workflow', ...args], input)

function makeFolder(files: Readonly<Record<string, string | Buffer>> = {}): WorkflowFolder {
  const folder = new WorkflowFolder()
  onTestFinished(() => folder[Symbol.dispose]())
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(folder.at(file)), { recursive: true })
    writeFileSync(folder.at(file), content)
  }
  return folder
}

/** Everything below the folder. */
function filesIn(folder: WorkflowFolder): readonly string[] {
  return readdirSync(folder.path, { recursive: true, encoding: 'utf8' }).toSorted()
}

const prompt = {
  '1': { class_type: 'EmptyImage', inputs: { width: 64, height: 32, batch_size: 1, color: 255 } },
  '2': { class_type: 'ImageScaleBy', inputs: { image: ['1', 0], upscale_method: 'lanczos', scale_by: 2 } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'x' } },
}
const workflow = editorFile([
  { id: 1, type: 'EmptyImage', outputs: ['IMAGE'], values: [64, 32, 1, 255] },
  { id: 2, type: 'ImageScaleBy', inputs: { image: [1, 0] }, outputs: ['IMAGE'], values: ['lanczos', 2], title: 'Zoom' },
  { id: 3, type: 'SaveImage', inputs: { images: [2, 0] }, values: ['x'] },
])
const api = JSON.stringify(prompt)
const ui = JSON.stringify(workflow)
const both = [
  ['prompt', api],
  ['workflow', ui],
] as const

const generatedSchema = z.object({
  route: z.string(),
  files: z.object({ module: z.string(), copy: z.string(), folder: z.string() }).optional(),
  parameters: z.array(z.object({ name: z.string(), level: z.string(), targets: z.array(z.string()) })),
  warnings: z.array(z.string()),
  call: z.string(),
  definitions: z.string(),
})
const generatedFrom = ({ out }: Ran) => generatedSchema.parse(JSON.parse(out))

/** Has a ComfyUI run a prompt to its end. */
async function runPrompt(url: string, body: object): Promise<string> {
  const watcher = await connect(url, 'watcher')
  try {
    const answer = await fetch(`${url}/prompt`, {
      method: 'POST',
      body: JSON.stringify({ ...body, client_id: 'watcher' }),
    })
    const { prompt_id: promptId } = z.object({ prompt_id: z.string() }).parse(await answer.json())
    await watcher.next(isEndOf(promptId))
    return promptId
  } finally {
    await watcher.close()
  }
}

/** The graph that a module makes of its defaults. */
async function graphOf(folder: WorkflowFolder, file: string): Promise<unknown> {
  const opened = await openWorkflows({ folder: folder.path, files: [folder.at(file)] }, { importModule: nativeImport })
  try {
    const [workflow] = opened.workflows()
    return await workflow?.generate(workflow.parse({}))
  } finally {
    await opened.close()
  }
}

const exports = {
  'a.png': pngOf(...both.map(pngText.plain)),
  'b.webp': webpOf(exifOf([`workflow:${ui}`, `prompt:${api}`], 'II')),
  'c.flac': flacOf(both),
  'd.mp4': mp4Of(both, 'iso'),
  'e.webm': webmOf(both),
  'f.mp3': mp3Of(both, { version: 4, encoding: 3 }),
  'g.opus': oggOf(both),
  'h.latent': safetensorsOf(both),
  'i.json': api,
  'j.json': ui,
  'k.json': JSON.stringify({ prompt }),
  'l.json': JSON.stringify({ workflow }),
  'm.json': `\uFEFF${api}`,
}

describe('a module is made', () => {
  test.each(Object.entries(exports))('of %s', async (file, content) => {
    const folder = makeFolder({ [file]: content })
    const { code, err } = await generate(folder, [file])
    expect([code, err]).toEqual([0, ''])
    const name = file.slice(0, 1)
    const [copy, module] = [`workflow_templates/${name}.json`, `workflows/${name}.ts`]
    expect(filesIn(folder)).toEqual([file, 'workflow_templates', copy, 'workflows', module].toSorted())
    expect(await graphOf(folder, module)).toMatchObject(prompt)
    const copied = readExport(parseExportFile(readFileSync(folder.at(copy))))
    const { prompt: ofCopy, workflow: editorCopy } = readExport(parseExportFile(Buffer.from(content)))
    expect(copied).toEqual({ ...(ofCopy && { prompt: ofCopy }), ...(editorCopy && { workflow: editorCopy }) })
  })

  test('of the standard input, for a place or to be printed', async () => {
    const folder = makeFolder()
    const printed = await generate(folder, ['-', '-'], api)
    expect(printed).toMatchObject({ code: 0, err: expect.stringContaining('The definitions are the core nodes') })
    expect(filesIn(folder)).toEqual([])
    const written = await generate(folder, ['-', 'draw/box.ts', '--workflows', '.', '--json'], exports['a.png'])
    expect(generatedFrom(written)).toMatchObject({ route: 'draw/box', files: { module: 'draw/box.ts', folder: '.' } })
    writeFileSync(folder.at('draw/printed.ts'), printed.out)
    expect(await graphOf(folder, 'draw/printed.ts')).toEqual(prompt)
  })

  test('of what a ComfyUI has run, with its node classes', async () => {
    const simulator = await createSimulator({ stepDelayMs: 0 })
    onTestFinished(() => simulator.close())
    const extraData = { note: 'nobody needs it', extra_pnginfo: { workflow } }
    const promptId = await runPrompt(simulator.url, { prompt, extra_data: extraData })
    const folder = makeFolder()
    const from = ['--comfyui-url', simulator.url, '--json']
    const byId = generatedFrom(await generate(folder, ['--from-history', promptId, 'workflows/one.ts', ...from]))
    const last = generatedFrom(await generate(folder, ['--from-history', 'last', 'workflows/two.ts', ...from]))
    expect(byId.definitions).toContain(simulator.url)
    expect(last.parameters).toEqual(byId.parameters)
    expect(await graphOf(folder, 'workflows/two.ts')).toMatchObject({ ...prompt, '2': { _meta: { title: 'Zoom' } } })
    const copy: unknown = JSON.parse(readFileSync(folder.at('workflow_templates/one.json'), 'utf8'))
    expect(copy).toEqual({ prompt, workflow })

    const converted = await comfyuiApi(folder, ['convert', '--from-history', 'last', '--comfyui-url', simulator.url])
    expect([converted.code, JSON.parse(converted.out)]).toEqual([0, prompt])
    const unknown = await generate(folder, ['--from-history', 'none', 'workflows/three.ts', ...from])
    expect(unknown).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('has no prompt none in its history'),
    })
  })

  test('and what becomes of its parameters, outputs and place is told, with a call that works', async () => {
    const folder = makeFolder({ 'My Flöw (2).json': ui })
    const { code, out } = await generate(folder, ['My Flöw (2).json', '--workflows', 'mine', '--summary', 'Enlarge it'])
    expect(code).toBe(0)
    expect(out).toContain('mine/my_flow_2.ts is written, and workflow_templates/my_flow_2.json')
    expect(out).toMatch(/POST \/my_flow_2.*core nodes/s)
    expect(out).toMatch(/^ {2}width +integer 1–16384 +default 64$/m)
    expect(out).toMatch(/^ {2}image +node 3$/m)
    const [, call = ''] = /^ {2}(curl .*)$/m.exec(out) ?? []
    const gateway = await startGateway({ flags: { demo: true, workflows: [folder.at('mine')] } })
    try {
      const called = await run(folder, ['sh', '-c', call.replace('http://localhost:3000', gateway.url)])
      expect(called.code).toBe(0)
      const { outputs } = resultSchema.parse(JSON.parse(readFileSync(folder.at('result.json'), 'utf8')))
      expect(outputs.map((output) => output.name)).toEqual(['image'])
      const described = await fetch(`${gateway.url}/workflows/my_flow_2`)
      expect(await described.json()).toMatchObject({ summary: 'Enlarge it' })
    } finally {
      await gateway.close()
    }
  })
})

describe('parameters', () => {
  const targetsOf = (ran: Ran) => generatedFrom(ran).parameters.map(({ name, targets }) => [name, ...targets])

  test('are those of the rules, with what was asked for', async () => {
    const folder = makeFolder({ 'flow.json': api })
    const ruled = targetsOf(await generate(folder, ['flow.json', '-', '--json']))
    expect(ruled).toContainEqual(['width', '1.width'])
    const asked = ['--expose', '1.color=background', '--expose', '2.upscale_method', '--hide', 'width']
    const chosen = targetsOf(await generate(folder, ['flow.json', '-', '--json', ...asked]))
    expect(chosen).toContainEqual(['background', '1.color'])
    expect(chosen).toContainEqual(['upscale_method', '2.upscale_method'])
    expect(chosen.map(([name]) => name)).not.toContain('width')
    const all = targetsOf(await generate(folder, ['flow.json', '-', '--json', '--all']))
    expect(all.length).toBeGreaterThan(ruled.length)
  })

  test('that cannot be are told', async () => {
    const folder = makeFolder({ 'flow.json': api })
    const wrong = [
      [['--expose', '1.widht'], 'Did you mean width'],
      [['--expose', '9.width'], 'no node "9"'],
      [['--expose', '2.image'], 'fed by node 1'],
      [['--hide', 'wdth'], 'Did you mean width'],
    ] as const
    for (const [args, message] of wrong) {
      const ran = await generate(folder, ['flow.json', '-', ...args])
      expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) })
    }
  })
})

const definitionsOf = (classTypes: readonly string[]) =>
  Object.fromEntries(classTypes.map((classType) => [classType, coreNode(classType)]))

describe('a model that is not there', () => {
  test('is a warning: the module is right', async () => {
    const loader = { input: { required: { model_name: [['there.pth'], {}] } }, output: ['UPSCALE_MODEL'] }
    const folder = makeFolder({
      'flow.json': JSON.stringify({
        '1': { class_type: 'UpscaleModelLoader', inputs: { model_name: 'missing.pth' } },
        '2': { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 0 } },
        '3': { class_type: 'ImageUpscaleWithModel', inputs: { upscale_model: ['1', 0], image: ['2', 0] } },
        '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } },
      }),
      'info.json': JSON.stringify({
        ...definitionsOf(['EmptyImage', 'ImageUpscaleWithModel', 'PreviewImage']),
        UpscaleModelLoader: { ...coreNode('UpscaleModelLoader'), ...loader },
      }),
    })
    const ran = await generate(folder, ['flow.json', 'workflows/', '--object-info', 'info.json', '--json'])
    expect(ran.code).toBe(0)
    expect(generatedFrom(ran).warnings).toContainEqual(expect.stringContaining('missing.pth'))
    expect(filesIn(folder)).toContain('workflows/flow.ts')
  })
})

describe('nothing is written', () => {
  const group = editorFile([{ id: 1, type: 'workflow>Group', outputs: ['IMAGE'], values: [] }], {
    extra: { groupNodes: { Group: { nodes: [], links: [], external: [] } } },
  })
  const unknown = editorFile([{ id: 1, type: 'NobodyHasThis', outputs: ['IMAGE'], values: [] }])
  const lost = { ...prompt, '1': { ...prompt['1'], class_type: 'NobodyHasThis' } }
  const wide = { ...prompt, '1': { ...prompt['1'], inputs: { ...prompt['1'].inputs, color: -5 } } }
  const files = {
    'flow.json': api,
    'unknown.json': JSON.stringify(unknown),
    'group.json': JSON.stringify(group),
    'lost.json': JSON.stringify(lost),
    'wide.json': JSON.stringify(wide),
    'list.json': '[]',
    'text.json': 'what is this',
    'photo.png': pngOf(pngText.plain(['Software', 'x'])),
    'settings.png': pngOf(pngText.plain(['parameters', 'a fox\nSteps: 20, Sampler: Euler'])),
    'info.json': JSON.stringify(definitionsOf(['EmptyImage', 'ImageScaleBy', 'SaveImage'])),
    'workflows/there.ts': 'export default 1',
    'workflow_templates/known.json': '{}',
    blocked: 'a file',
  }

  test.each<[string, readonly string[], number, string]>([
    ['a class is unknown', ['unknown.json'], 1, 'NobodyHasThis'],
    ['a class is unknown to the server', ['lost.json', '--object-info', 'info.json'], 1, 'NobodyHasThis'],
    ['a server would refuse it', ['wide.json'], 1, 'color'],
    ['there is a group node', ['group.json'], 1, 'group node'],
    ['there is no graph', ['list.json'], 1, 'no workflow of ComfyUI'],
    ['it is no JSON', ['text.json'], 1, 'neither JSON nor'],
    ['a picture has no graph', ['photo.png'], 1, 'carries no graph'],
    ['a picture has settings only', ['settings.png'], 1, 'settings of another program'],
    ['there is no such file', ['none.json'], 2, 'none.json'],
    ['a module is there', ['flow.json', 'workflows/there.ts'], 1, 'workflows/there.ts is there already'],
    ['another export is there', ['flow.json', 'workflows/known.ts'], 1, 'known.json is there already'],
    ['the server has the name', ['flow.json', 'workflows/jobs.ts'], 2, '/jobs is a route of the server'],
    ['it would be no route', ['flow.json', 'workflows/_draft.ts'], 2, '"_draft" cannot be part of a route'],
    ['it would be a test', ['flow.json', 'workflows/draw.test.ts'], 2, 'cannot be part of a route'],
    ['it would be no module', ['flow.json', 'workflows/draw.txt'], 2, 'ends in .ts'],
    ['the folder cannot be made', ['flow.json', 'blocked/workflows/draw.ts'], 1, 'Nothing can be written'],
    ['the folder is a file', ['flow.json', '--workflows', 'blocked'], 1, 'Nothing can be written'],
    ['the input has no name', ['-', 'workflows/'], 2, 'Say what the module is called'],
    ['two things are the input', ['-', 'workflows/x.ts', '--object-info', '-'], 2, 'Only one thing'],
    ['nothing is given', [], 2, 'Give a file'],
    ['no ComfyUI is given', ['--from-history', 'last', 'workflows/x.ts'], 2, 'needs --comfyui-url'],
    ['an option is unknown', ['flow.json', '--forse'], 2, '--force'],
  ])('where %s', async (_, args, code, message) => {
    const folder = makeFolder(files)
    const before = filesIn(folder)
    const ran = await generate(folder, args, api)
    expect(ran).toMatchObject({ code, out: '', err: expect.stringContaining(message) })
    expect(ran.err).not.toContain('    at ')
    expect(filesIn(folder)).toEqual(before)
    expect(readFileSync(folder.at('workflows/there.ts'), 'utf8')).toBe('export default 1')
  })

  test('twice, but with --force', async () => {
    const folder = makeFolder(files)
    const forced = await generate(folder, ['flow.json', 'workflows/there.ts', '--force'])
    expect(forced.code).toBe(0)
    expect(await graphOf(folder, 'workflows/there.ts')).toEqual(prompt)
    expect((await generate(folder, ['flow.json', 'workflows/known.ts', '--force'])).code).toBe(0)
    expect(readFileSync(folder.at('workflow_templates/known.json'), 'utf8')).toBe(api)
  })

  test('where a ComfyUI does not answer', async () => {
    const folder = makeFolder(files)
    const ran = await generate(folder, ['flow.json', 'workflows/', '--comfyui-url', 'http://127.0.0.1:9'])
    expect(ran).toMatchObject({ code: 1, out: '', err: expect.stringContaining('cannot be reached') })
  })
})

test('a workflow that is shipped is told when its name is taken', async () => {
  const folder = makeFolder({ 'flow.json': api })
  const ran = await generate(folder, ['flow.json', 'mine/qwen/qwen_base_txt2img.ts', '--workflows', 'mine'])
  expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('comes with this program') })
})
