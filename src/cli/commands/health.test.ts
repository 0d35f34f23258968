import { describe, expect, test } from 'vitest'
import type { Environment } from '../../config/environment.ts'
import { healthCommand } from './health.ts'

async function run(args: readonly string[], { env = {}, isWell = true }: { env?: Environment; isWell?: boolean } = {}) {
  const lines = { out: [] as string[], err: [] as string[] }
  const exitCodes: number[] = []
  const asked: string[] = []
  const command = healthCommand({
    env,
    terminal: {
      print: (line) => void lines.out.push(line),
      printError: (line) => void lines.err.push(line),
      flush: async () => undefined,
    },
    askServer: async ({ href }, key) => {
      asked.push(key === undefined ? href : `${href} as ${key}`)
      return { isWell, told: isWell ? 'fine' : 'not fine' }
    },
    exit: (code) => void exitCodes.push(code),
  }).configureOutput({ writeErr: (line) => void lines.err.push(line) })
  await command.parseAsync(args, { from: 'user' }).catch((error: unknown) => {
    if (exitCodes.length === 0) throw error
  })
  return { ...lines, exitCodes, asked }
}

describe('health', () => {
  test('asks the server of the environment, and prints what it says', async () => {
    const { asked, out, exitCodes } = await run([], { env: { PORT: '8080', HOST: '10.0.0.5' } })
    expect({ asked, out, exitCodes }).toEqual({ asked: ['http://10.0.0.5:8080/health'], out: ['fine'], exitCodes: [] })
  })

  test.each([
    ['127.0.0.1', 'http://127.0.0.1:3000/health'],
    ['0.0.0.0', 'http://127.0.0.1:3000/health'],
    ['::', 'http://[::1]:3000/health'],
    ['::1', 'http://[::1]:3000/health'],
  ])('reaches a server that listens on %s', async (HOST, address) => {
    expect((await run([], { env: { HOST } })).asked).toEqual([address])
  })

  test('flags win, and --ready asks for more', async () => {
    const { asked } = await run(['--ready', '--port', '3001'], { env: { PORT: '8080' } })
    expect(asked).toEqual(['http://127.0.0.1:3001/ready'])
  })

  test('sends the key that the server asks for', async () => {
    const key = 'a-secret-of-the-server'
    const { asked } = await run(['--ready'], { env: { COMFYUI_API_KEY: `${key},another-secret-of-it` } })
    expect(asked).toEqual([`http://127.0.0.1:3000/ready as ${key}`])
  })

  test('exits with 1 when the server is not well', async () => {
    const { out, err, exitCodes } = await run([], { isWell: false })
    expect({ out, err, exitCodes }).toEqual({ out: [], err: ['not fine'], exitCodes: [1] })
  })

  test.each([[['--port', 'http']], [['--nonsense']]])('exits with 2 for %j, and asks nobody', async (args) => {
    const { asked, exitCodes, err } = await run(args)
    expect({ asked, exitCodes }).toEqual({ asked: [], exitCodes: [2] })
    expect(err.join('')).toContain(args[0])
  })
})
