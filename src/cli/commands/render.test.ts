import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Environment } from '../../config/environment.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { RenderPrompt, RenderRequest } from '../rendering.ts'
import { renderCommand } from './render.ts'

const prompt = { '1': { class_type: 'Test', inputs: {} } }

async function run(
  args: readonly string[],
  { env = {}, render = async () => ({ prompt, warnings: [] }) }: { env?: Environment; render?: RenderPrompt } = {},
) {
  const out: string[] = []
  const err: string[] = []
  const requests: RenderRequest[] = []
  let exitCode = 0
  const command = renderCommand({
    env,
    terminal: { print: (text) => void out.push(text), printError: (text) => void err.push(text) },
    renderPrompt: (request) => {
      requests.push(request)
      return render(request)
    },
    exit: (code) => {
      exitCode = code
    },
  })
    .exitOverride()
    .configureOutput({ writeErr: (text) => void err.push(text) })
  await command.parseAsync(args, { from: 'user' })
  return { out: out.join('\n'), err: err.join('\n'), exitCode, request: requests[0] }
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'render-'))
  writeFileSync(join(folder, 'input.json'), '{"steps": 4}')
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('render', () => {
  test('prints the graph and nothing else; warnings go elsewhere', async () => {
    const result = await run(['a/b'], { render: async () => ({ prompt, warnings: ['a union'] }) })
    expect(JSON.parse(result.out)).toEqual(prompt)
    expect(result).toMatchObject({ err: 'warning: a union', exitCode: 0 })
  })

  test('takes parameters as JSON, from a file, and one by one', async () => {
    const { request } = await run(['a/b', '--input', '{"steps":4}', '-p', 'prompt=a=b', '--parameter', 'seed=1'])
    expect(request).toMatchObject({
      inputText: '{"steps":4}',
      parameters: [
        ['prompt', 'a=b'],
        ['seed', '1'],
      ],
    })
    const fromFile = await run(['a/b', '--input-file', join(folder, 'input.json')])
    expect(fromFile.request).toMatchObject({ inputText: '{"steps": 4}', parameters: [] })
  })

  test('means a module by its extension, and else a name in the folders of the settings', async () => {
    expect((await run(['./a/b.ts'])).request?.target).toEqual({ file: './a/b.ts' })
    const named = await run(['a/b', '--workflows', folder, '--no-shipped-workflows'])
    expect(named.request?.target).toEqual({ name: 'a/b', folders: [folder] })
    const fromEnv = await run(['a/b'], { env: { WORKFLOW_DIR: folder } })
    expect(fromEnv.request?.target).toEqual({ name: 'a/b', folders: [expect.any(String), folder] })
  })

  test('does not mind settings that only a server has', async () => {
    expect(await run(['a/b'], { env: { HOST: '0.0.0.0', PORT: 'many' } })).toMatchObject({ err: '', exitCode: 0 })
  })

  test.each([
    [
      'one thing that is wrong',
      new GatewayError('validation_error', {
        detail: 'steps must be at most 100',
        errors: [{ pointer: '/steps', code: 'too_big', message: 'must be at most 100' }],
      }),
      'a/b cannot be rendered. steps must be at most 100',
    ],
    [
      'several, each with its name',
      new GatewayError('validation_error', {
        detail: 'steps must be at most 100 (and 1 more problem)',
        errors: [
          { pointer: '/loras/0/name', code: 'missing_parameter', message: 'is required' },
          { pointer: '/promt', code: 'unknown_parameter', message: 'unknown parameter "promt"' },
        ],
      }),
      'a/b cannot be rendered. 2 things are wrong:\n  loras.0.name is required\n  unknown parameter "promt"',
    ],
    [
      'a module that is broken',
      new GatewayError('workflow_unavailable', { detail: 'b.ts:3: Unexpected token' }),
      'a/b cannot be rendered. b.ts:3: Unexpected token',
    ],
  ])('says %s, and fails', async (_, error, text) => {
    const result = await run(['a/b'], { render: () => Promise.reject(error) })
    expect(result).toMatchObject({ out: '', err: text, exitCode: 1 })
  })

  test('shows the stack of a fault of its own', async () => {
    const result = await run(['a/b'], { render: () => Promise.reject(new TypeError('x is not a function')) })
    expect(result.exitCode).toBe(1)
    expect(result.err).toContain('fault of the program')
    expect(result.err).toContain('    at ')
  })

  test('says which file of the command line cannot be read', async () => {
    const result = await run(['a/b', '--input-file', join(folder, 'nothing.json')])
    expect(result).toMatchObject({ out: '', exitCode: 1, err: expect.stringContaining('nothing.json') })
    expect(result.err).not.toContain('    at ')
  })

  test.each([
    [['a/b', '-p', 'seed'], 'name=value'],
    [['a/b', '-p', '=1'], 'name=value'],
    [['a/b', '--input', '{}', '--input-file', 'x'], 'cannot be used with'],
    [[], 'missing required argument'],
  ])('refuses %j', async (args, text) => {
    await expect(run(args)).rejects.toThrow(text)
  })
})
