import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { definition } from '../support/convert-file.ts'
import { editorFile } from '../support/editor-file.ts'
import { ScriptedComfyui } from '../support/scripted-comfyui.ts'
import { WorkflowFolder } from '../support/workflow-folder.ts'

const program = fileURLToPath(new URL('../../bin/comfyui-api.js', import.meta.url))
const failureSchema = z.object({ code: z.number() })
const objectSchema = z.record(z.string(), z.unknown())

/** Runs the program as a person would. */
async function convert(args: readonly string[], input = '') {
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const env = { ...process.env, COMFYUI_URL: '' }
    const child = execFile(process.execPath, [program, 'convert', ...args], { env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : failureSchema.parse(error).code, out, err }),
    )
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

const workflow = editorFile([
  { id: 1, type: 'EmptyImage', values: [64, 32, 1, 0], outputs: ['IMAGE'] },
  { id: 2, type: 'SaveImage', title: 'Result', values: ['out'], inputs: { images: [1, 0] } },
])
const prompt = {
  1: {
    inputs: { width: 64, height: 32, batch_size: 1, color: 0 },
    class_type: 'EmptyImage',
    _meta: { title: 'Empty Image' },
  },
  2: {
    inputs: { filename_prefix: 'out', images: ['1', 0] },
    class_type: 'SaveImage',
    _meta: { title: 'Result' },
  },
}
const foreign = editorFile([
  { id: 1, type: 'Mine', values: [5, 'x'], outputs: ['IMAGE'], properties: { cnr_id: 'my-pack' } },
  { id: 2, type: 'Mine', title: 'Another', values: [6, 'y'], outputs: ['IMAGE'], properties: { cnr_id: 'my-pack' } },
])
const mine = { Mine: definition({ count: ['INT', {}], text: ['STRING', {}] }) }

let folder: WorkflowFolder
beforeAll(() => {
  folder = new WorkflowFolder({
    'workflow.json': JSON.stringify(workflow),
    'foreign.json': JSON.stringify(foreign),
    'object_info.json': JSON.stringify(mine),
    'broken.json': '{',
  })
  return () => folder[Symbol.dispose]()
})
const path = (name: string) => `${folder.path}/${name}`

describe('convert', () => {
  test('prints the graph alone, and says which definitions it used', async () => {
    const { code, out, err } = await convert([path('workflow.json')])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual(prompt)
    expect(err).toBe('The definitions are the core nodes of ComfyUI 0.33.0.\n')
  })

  test('reads the standard input, and prints a graph that is one already', async () => {
    const { code, out } = await convert(['-'], JSON.stringify({ prompt }))
    expect([code, JSON.parse(out)]).toEqual([0, prompt])
  })

  test('refuses with every reason, and prints nothing', async () => {
    const { code, out, err } = await convert([path('foreign.json')])
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('Node 1 needs the class Mine (pack my-pack)')
    expect(err).toContain('Node 2 "Another" needs the class Mine (pack my-pack)')
    expect(err).toContain('core nodes of ComfyUI')
  })

  test('goes by the definitions of a file', async () => {
    const { code, out, err } = await convert([path('foreign.json'), '--object-info', path('object_info.json')])
    expect(code).toBe(0)
    expect(objectSchema.parse(JSON.parse(out))['1']).toMatchObject({ inputs: { count: 5, text: 'x' } })
    expect(err).toContain('object_info.json')
  })

  test('goes by the definitions of a ComfyUI', async () => {
    const comfyui = await new ScriptedComfyui().listen()
    onTestFinished(() => comfyui.stop())
    comfyui.objectInfo = mine
    const { code, out, err } = await convert([path('foreign.json'), '--comfyui-url', comfyui.url])
    expect(code).toBe(0)
    expect(objectSchema.parse(JSON.parse(out))['2']).toMatchObject({ inputs: { count: 6, text: 'y' } })
    expect(err).toContain(comfyui.url)
  })

  test('warns of what the file leaves open, and converts', async () => {
    writeFileSync(path('open.json'), JSON.stringify({ ...workflow, nodes: workflow.nodes.slice(1) }))
    const { code, out, err } = await convert([path('open.json')])
    expect([code, Object.keys(objectSchema.parse(JSON.parse(out)))]).toEqual([0, ['2']])
    expect(err).toContain('warning: Node 2 SaveImage')
  })

  test.each([
    ['a file that is not there', ['nothing.json'], 'no such file'],
    ['no JSON', ['broken.json'], 'is no JSON'],
    ['definitions that are none', ['workflow.json', '--object-info', 'workflow.json'], 'a workflow of the editor'],
    ['one input for two things', ['-', '--object-info', '-'], 'Only one thing'],
    [
      'a file and an address of definitions',
      ['workflow.json', '--object-info', 'x', '--comfyui-url', 'y'],
      'cannot be used with',
    ],
  ])('refuses %s', async (_name, args, text) => {
    const files = args.map((arg) => (arg.endsWith('.json') ? path(arg) : arg))
    const { code, out, err } = await convert(files)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(text)
  })
})
