import { describe, expect, test } from 'vitest'
import type { Environment } from '../../config/environment.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { checkDocumentSchema } from '../check-document.ts'
import type { CheckReport, CheckRequest, CheckWorkflows, ReportedProblem } from '../checking.ts'
import { checkCommand } from './check.ts'

function found(...severities: readonly ReportedProblem['severity'][]): CheckReport {
  const problems = severities.map((severity) => ({ severity, kind: 'flawed', code: 'x', message: `A ${severity}.` }))
  return {
    definitions: [{ source: 'the nodes', kind: 'core' }],
    results: [{ kind: 'workflow', file: 'a.ts', verdict: 'accepted', verdicts: ['accepted'], graphs: 1, problems }],
  }
}

interface RunOptions {
  readonly env?: Environment
  readonly check?: CheckWorkflows
  readonly isTerminal?: boolean
  readonly columns?: number
}

async function run(args: readonly string[], options: RunOptions = {}) {
  const { env = {}, check = async () => found(), isTerminal = false, columns } = options
  const out: string[] = []
  const err: string[] = []
  const requests: CheckRequest[] = []
  const exitCodes: number[] = []
  const command = checkCommand({
    env,
    terminal: {
      isTerminal,
      columns,
      print: (text) => void out.push(text),
      printError: (text) => void err.push(text),
      flush: async () => undefined,
    },
    checkWorkflows: (request) => {
      requests.push(request)
      return check(request)
    },
    exit: (code) => void exitCodes.push(code),
  }).configureOutput({ writeOut: (text) => void out.push(text), writeErr: (text) => void err.push(text) })
  await command.parseAsync(args, { from: 'user' }).catch((error: unknown) => {
    if (exitCodes.length === 0) throw error
  })
  return { out: out.join('\n'), err: err.join('\n'), exitCodes, request: requests[0] }
}

describe('what check asks for', () => {
  test('are the folders of the settings, or what the command line names', async () => {
    expect((await run(['--workflows', '/w', '--no-shipped-workflows'])).request?.target).toEqual({ folders: ['/w'] })
    expect((await run([], { env: { WORKFLOW_DIR: '/w' } })).request?.target).toEqual({
      folders: [expect.any(String), '/w'],
    })
    expect((await run(['a', 'b.ts', '-'])).request?.target).toEqual({ paths: ['a', 'b.ts', '-'] })
  })

  test('are the core nodes, a file, or instances with their credentials', async () => {
    expect((await run([])).request?.definitions).toEqual({ kind: 'core' })
    expect((await run(['--object-info', 'o.json'])).request?.definitions).toEqual({ kind: 'file', file: 'o.json' })
    const urls = ['--comfyui-url', 'http://u:p@a:1/base', '--comfyui-url', 'http://b:2']
    expect((await run(urls)).request?.definitions).toEqual({
      kind: 'instances',
      instances: [
        { url: 'http://a:1/base', headers: { authorization: `Basic ${btoa('u:p')}` } },
        { url: 'http://b:2', headers: {} },
      ],
      connectTimeoutMs: expect.any(Number),
    })
    const env = { COMFYUI_URL: 'http://c:3' }
    expect((await run([], { env })).request?.definitions).toMatchObject({ instances: [{ url: 'http://c:3' }] })
    expect((await run(['--object-info', '-'], { env })).request?.definitions).toMatchObject({ kind: 'file' })
  })

  test('is not disturbed by settings that only a server has', async () => {
    expect(await run([], { env: { HOST: '0.0.0.0', PORT: 'many' } })).toMatchObject({ err: '', exitCodes: [0] })
  })
})

describe('what check answers', () => {
  test.each([
    [[], [], 0],
    [['note', 'warning'], [], 0],
    [['note', 'warning'], ['--strict'], 1],
    [['note'], ['--strict'], 0],
    [['warning', 'error'], [], 1],
    [['error'], ['--json'], 1],
  ] as const)('for %j with %j is exit code %i', async (severities, args, code) => {
    expect((await run(args, { check: async () => found(...severities) })).exitCodes).toEqual([code])
  })

  test('is a text, or one JSON document and nothing else', async () => {
    const check: CheckWorkflows = async () => found('error')
    const text = await run([], { check })
    expect(text.out).toContain('  error    A error.')
    const json = await run(['--json'], { check })
    expect(json.err).toBe('')
    expect(checkDocumentSchema.parse(JSON.parse(json.out)).summary.errors).toBe(1)
  })

  test('has colours on a terminal that shows them, and keeps to its width', async () => {
    const check: CheckWorkflows = async () => found('error')
    const hasColors = async (isTerminal: boolean, env: Environment, args: readonly string[] = []) =>
      (await run(args, { check, isTerminal, env })).out.includes('\u001b[')
    expect(await hasColors(true, {})).toBe(true)
    expect(await hasColors(false, {})).toBe(false)
    expect(await hasColors(true, { NO_COLOR: '1' })).toBe(false)
    expect(await hasColors(true, { TERM: 'dumb' })).toBe(false)
    expect(await hasColors(true, {}, ['--json'])).toBe(false)
    const lines = (await run([], { check, isTerminal: true, columns: 50, env: { NO_COLOR: '1' } })).out.split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(50)
  })
})

describe('what check cannot do', () => {
  test.each([
    ['there is nothing', new GatewayError('not_found', { detail: 'There is no file x.' }), 'There is no file x.'],
    ['a file cannot be read', Object.assign(new Error('EACCES: x'), { code: 'EACCES', path: 'x' }), 'EACCES: x'],
  ])('because %s is one line and exit code 2', async (_, error, text) => {
    const result = await run(['x', '--json'], { check: () => Promise.reject(error) })
    expect(result).toMatchObject({ out: '', err: `Nothing is checked. ${text}`, exitCodes: [2] })
  })

  test('shows the stack of a fault of its own', async () => {
    const result = await run([], { check: () => Promise.reject(new TypeError('x is not a function')) })
    expect(result.exitCodes).toEqual([2])
    expect(result.err).toContain('fault of the program')
  })

  test.each([
    [['--object-info', 'x', '--comfyui-url', 'http://a'], 'cannot be used with'],
    [['--comfyui-url', 'nonsense'], '--comfyui-url must be'],
    [['--jsno'], 'unknown option'],
    [['--object-info'], 'argument missing'],
  ])('refuses %j with exit code 2', async (args, text) => {
    const { err, exitCodes, request } = await run(args)
    expect([exitCodes, request]).toEqual([[2], undefined])
    expect(err).toContain(text)
  })

  test('its help is no failure', async () => {
    const { out, exitCodes } = await run(['--help'])
    expect(exitCodes).toEqual([0])
    expect(out).toContain('--object-info')
  })
})
