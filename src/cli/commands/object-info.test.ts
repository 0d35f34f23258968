import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Environment } from '../../config/environment.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { type FetchObjectInfo, objectInfoCommand } from './object-info.ts'

const text = '{"KSampler": {"input": {}, "output": []}}'

async function run(
  args: readonly string[],
  { env = {}, fetch = async () => text }: { env?: Environment; fetch?: FetchObjectInfo } = {},
) {
  const out: string[] = []
  const err: string[] = []
  const asked: Parameters<FetchObjectInfo>[0][] = []
  const exitCodes: number[] = []
  const command = objectInfoCommand({
    env,
    terminal: {
      print: (line) => void out.push(`${line}\n`),
      printError: (line) => void err.push(line),
      flush: async () => undefined,
    },
    fetchObjectInfo: (instance, options) => {
      asked.push(instance)
      return fetch(instance, options)
    },
    exit: (code) => void exitCodes.push(code),
  }).configureOutput({ writeErr: (line) => void err.push(line) })
  await command.parseAsync(args, { from: 'user' }).catch((error: unknown) => {
    if (exitCodes.length === 0) throw error
  })
  return { out: out.join(''), err: err.join('\n'), exitCodes, asked }
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'object-info-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('object-info', () => {
  test('prints what the instance says, as it is, with a line end', async () => {
    const { out, err, asked, exitCodes } = await run(['--comfyui-url', 'http://u:p@a:1'], {
      fetch: async () => `${text}\n`,
    })
    expect([out, err, exitCodes]).toEqual([`${text}\n`, '', []])
    expect(asked).toEqual([{ url: 'http://a:1', headers: { authorization: `Basic ${btoa('u:p')}` } }])
  })

  test('asks the instance of the environment, else the usual address', async () => {
    expect((await run([], { env: { COMFYUI_URL: 'http://b:2' } })).asked).toMatchObject([{ url: 'http://b:2' }])
    expect((await run([])).asked).toMatchObject([{ url: 'http://127.0.0.1:8188' }])
  })

  test('writes a file as a whole, and nothing else', async () => {
    const file = join(folder, 'object_info.json')
    writeFileSync(file, 'before')
    const { out } = await run(['--output', file])
    expect([out, readFileSync(file, 'utf8'), readdirSync(folder)]).toEqual(['', `${text}\n`, ['object_info.json']])
    const plain = join(folder, 'plain.json')
    writeFileSync(plain, text)
    expect(statSync(file).mode).toBe(statSync(plain).mode)
  })

  test('leaves the file as it is when the instance does not answer', async () => {
    const file = join(folder, 'object_info.json')
    writeFileSync(file, 'before')
    const fetch = () => Promise.reject(new GatewayError('no_healthy_instance', { detail: 'It cannot be reached.' }))
    const { out, err, exitCodes } = await run(['--output', file], { fetch })
    expect([out, err, exitCodes]).toEqual(['', 'It cannot be reached.', [1]])
    expect(readFileSync(file, 'utf8')).toBe('before')
  })

  test('says which file cannot be written', async () => {
    const { err, exitCodes } = await run(['--output', join(folder, 'none', 'x.json')])
    expect(exitCodes).toEqual([1])
    expect(err).toContain('x.json')
    expect(err).not.toContain('    at ')
  })

  test.each([
    [['--comfyui-url', 'http://a', '--comfyui-url', 'http://b'], 'one address'],
    [['--comfyui-url', 'nonsense'], '--comfyui-url must be'],
    [['--putout', 'x'], 'unknown option'],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { err, exitCodes, asked } = await run(args)
    expect([exitCodes, asked]).toEqual([[2], []])
    expect(err).toContain(message)
  })
})
