import { writeFileSync } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { ProgramHome, runProgram } from '../support/program.ts'

const home = new ProgramHome()
let simulator: Simulator
const run = (...args: string[]) => runProgram(args, { home })
const graph = {
  '1': { class_type: 'EmptyImage', inputs: { width: 48, height: 48, batch_size: 1, color: 255 } },
  '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
}

beforeAll(async () => {
  simulator = await createSimulator()
  writeFileSync(home.at('graph.json'), JSON.stringify(graph))
})
afterAll(async () => {
  await simulator.close()
  home[Symbol.dispose]()
})

test('tells its version', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
  expect(await run('--version')).toEqual({ code: 0, output: `${version}\n`, errors: '' })
})

test('tells its commands, and the settings of one', async () => {
  expect((await run('--help')).output).toContain('generate-workflow')
  expect((await run('serve', '--help')).output).toContain('--comfyui-url')
})

test('refuses what it does not know', async () => {
  const { code, errors } = await run('serve', '--no-such-option')
  expect(code).toBe(1)
  expect(errors).toContain('--no-such-option')
})

test('render prints the graph of a request', async () => {
  const { code, output } = await run('render', 'qwen/qwen_base_txt2img', '-p', 'prompt=a red fox')
  expect(code).toBe(0)
  expect(output).toContain('a red fox')
})

test('init prepares a folder, in which check finds nothing wrong', async () => {
  expect(await run('init', 'mine')).toMatchObject({ code: 0, errors: '' })
  expect(await readFile(home.at('mine/.comfyui-api/types/zod/index.d.ts'), 'utf8')).toContain('export')
  expect((await readdir(home.at('mine/.comfyui-api/types/zod'), { recursive: true })).length).toBeGreaterThan(50)
  expect(await readFile(home.at('mine/.comfyui-api/types/comfyui-api/index.ts'), 'utf8')).toContain('defineWorkflow')
  expect(await run('check', '--strict', 'mine')).toMatchObject({ code: 0 })
})

test('check tells what is wrong, with its line', async () => {
  await mkdir(home.at('wrong'))
  const source = await readFile(home.at('mine/examples/solid_color.ts'), 'utf8')
  writeFileSync(home.at('wrong/one.ts'), source.replace("images: ['1', 0]", "images: ['7', 0]"))
  const { code, output } = await run('check', 'wrong')
  expect(code).toBe(1)
  expect(output).toContain('SaveImage')
  expect(output).toContain(String(source.split('\n').findIndex((line) => line.includes("'SaveImage'")) + 1))
})

test('convert prints the graph of an export', async () => {
  const { code, output } = await run('convert', 'graph.json')
  expect(code).toBe(0)
  expect(JSON.parse(output)).toMatchObject(graph)
})

test('generate-workflow makes a module that check takes', async () => {
  expect(await run('generate-workflow', 'graph.json', 'made/box.ts')).toMatchObject({ code: 0 })
  expect(await run('check', 'made')).toMatchObject({ code: 0 })
  expect((await run('render', 'made/box.ts')).output).toContain('EmptyImage')
})

test('object-info prints what a ComfyUI knows', async () => {
  const { code, output } = await run('object-info', '--comfyui-url', simulator.url)
  expect(code).toBe(0)
  expect(output).toContain('"KSampler"')
})

test('a module cannot end check in its place', async () => {
  await mkdir(home.at('endless'))
  writeFileSync(home.at('endless/one.ts'), 'process.exit(0)\n')
  const { code, output } = await run('check', 'endless')
  expect(code).toBe(1)
  expect(output).toContain('process.exit')
})
