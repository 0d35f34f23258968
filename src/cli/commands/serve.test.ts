import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Config } from '../../config/config.ts'
import type { Environment } from '../../config/environment.ts'
import type { Gateway, GatewaySummary } from '../gateway.ts'
import type { LifecycleHandlers } from '../process-lifecycle.ts'
import { typeSources } from '../../config/package-info.ts'
import { createProgram } from '../program.ts'

const summary: GatewaySummary = {
  workflows: ['qwen/qwen_base_txt2img'],
  problems: [{ file: 'mine/broken.ts', reason: 'it has no default export' }],
  notReady: [],
  isChecked: true,
  instances: [{ url: 'http://gpu:8188', version: undefined }],
}

function fakeGateway(overrides: Partial<Gateway> = {}): Gateway {
  return {
    listen: () => Promise.resolve({ url: 'http://127.0.0.1:3000' }),
    reload: () => Promise.resolve(),
    summary: () => summary,
    close: () => Promise.resolve(),
    ...overrides,
  }
}

interface Run {
  readonly out: string
  readonly err: string
  readonly exitCode: number | undefined
  readonly config: Config | undefined
  readonly handlers: LifecycleHandlers | undefined
}

async function run(
  args: readonly string[],
  env: Environment = {},
  gateway: Gateway | Error = fakeGateway(),
): Promise<Run> {
  const out: string[] = []
  const err: string[] = []
  let exitCode: number | undefined
  let config: Config | undefined
  let handlers: LifecycleHandlers | undefined
  const program = createProgram({
    env,
    terminal: {
      isTerminal: false,
      print: (text) => void out.push(text),
      printError: (text) => void err.push(text),
      flush: async () => undefined,
    },
    startGateway: (given) => {
      config = given
      return gateway instanceof Error ? Promise.reject(gateway) : Promise.resolve(gateway)
    },
    supervise: (given) => {
      handlers = given
    },
    exit: (code) => {
      exitCode = code
    },
    contactTimeoutMs: 50,
    typeSources,
    renderPrompt: () => Promise.reject(new Error('serve renders nothing')),
    checkWorkflows: () => Promise.reject(new Error('serve checks nothing here')),
    convertExport: () => Promise.reject(new Error('serve converts nothing')),
    generateModule: () => Promise.reject(new Error('nothing is generated')),
    fetchObjectInfo: () => Promise.reject(new Error('serve asks through its instances')),
    askServer: () => Promise.reject(new Error('serve is the server')),
  })
  await program.parseAsync(args, { from: 'user' })
  return { out: out.join('\n'), err: err.join('\n'), exitCode, config, handlers }
}

/** The log goes to file descriptor 1 and not through the terminal: off, so that tests are quiet. */
const quiet = ['--log-level', 'silent']

describe('settings', () => {
  test('come from flags and environment, and serve is the default command', async () => {
    const { config, exitCode } = await run(
      [
        ...quiet,
        '--port',
        '0',
        '--comfyui-url',
        'http://a:1',
        '--comfyui-url',
        'http://b:2',
        '--no-shipped-workflows',
        '--workflows',
        'x',
      ],
      { COMFYUI_API_MAX_QUEUED: '7' },
    )
    expect(exitCode).toBeUndefined()
    expect(config?.server.port).toBe(0)
    expect(config?.comfyui.instances.map(({ url }) => url)).toEqual(['http://a:1', 'http://b:2'])
    expect(config?.workflows.folders).toHaveLength(1)
    expect(config?.jobs.maxQueued).toBe(7)
  })

  test('of the environment stay when a negated flag is not given', async () => {
    const { config } = await run(['serve', ...quiet, '--workflows', 'x'], { COMFYUI_API_SHIPPED_WORKFLOWS: 'false' })
    expect(config?.workflows.folders).toHaveLength(1)
  })

  test('that are wrong are all printed, and nothing is started', async () => {
    const { err, exitCode, config } = await run(['--port', 'x'], { COMFYUI_API_WATCH: 'maybe' })
    expect(exitCode).toBe(1)
    expect(config).toBeUndefined()
    expect(err).toContain('--port must be')
    expect(err).toContain('COMFYUI_API_WATCH must be')
  })
})

describe('the banner', () => {
  const pretty = ['--log-format', 'pretty']

  test('tells where the documentation is, what is served, what is not, and who answers', async () => {
    const { out } = await run(pretty)
    expect(out).toContain('http://127.0.0.1:3000/docs')
    expect(out).toContain('POST /qwen/qwen_base_txt2img')
    expect(out).toContain('mine/broken.ts: it has no default export')
    expect(out).toContain('http://gpu:8188  not reachable yet')
    expect(out).not.toContain('SIMULATED')
  })

  test('says loudly that a demo is simulated, unless ComfyUI is used', async () => {
    expect((await run([...pretty, '--demo'])).out).toContain('SIMULATED')
    expect(
      (await run(['--log-format', 'pretty', '--demo', '--log-level', 'info', '--comfyui-url', 'http://gpu:1'])).out,
    ).not.toContain('SIMULATED')
  })

  test('warns when everybody may use the server', async () => {
    expect((await run([...pretty, '--host', '0.0.0.0', '--allow-insecure-bind'])).out).toContain('none: everybody')
  })

  test('waits a moment for ComfyUI to answer', async () => {
    let calls = 0
    const answered = { ...summary, instances: [{ url: 'http://gpu:8188', version: '0.33.0' }] }
    const { out } = await run(pretty, {}, fakeGateway({ summary: () => (++calls > 1 ? answered : summary) }))
    expect(out).toContain('http://gpu:8188  version 0.33.0')
  })

  test('waits a moment for the workflows to be checked, and names those that are not ready', async () => {
    let calls = 0
    const answered = { ...summary, instances: [{ url: 'http://gpu:8188', version: '0.33.0' }] }
    const checked = { ...answered, notReady: [{ name: 'mine/large', reason: 'There is no node class Large.' }] }
    const gateway = fakeGateway({ summary: () => (++calls > 1 ? checked : { ...answered, isChecked: false }) })
    const { out } = await run(pretty, {}, gateway)
    expect(out).toMatch(/Not ready +mine\/large: There is no node class Large\./)
  })

  test('calls the simulator by its name', async () => {
    const { out } = await run([...pretty, '--demo'])
    expect(out).toContain('the built-in simulator')
    expect(out).not.toContain('http://gpu:8188')
  })

  test('shortens long lists', async () => {
    const workflows = Array.from({ length: 40 }, (_, index) => `w/${String(index)}`)
    const { out } = await run(pretty, {}, fakeGateway({ summary: () => ({ ...summary, workflows }) }))
    expect(out).toContain('and 29 more')
    expect(out.split('\n').length).toBeLessThan(30)
  })

  test('is not printed when logs are off', async () => {
    expect((await run([...pretty, ...quiet])).out).toBe('')
  })
})

describe('a start that fails', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'serve-'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true })
  })

  const systemError = (code: string, more: object = {}) => Object.assign(new Error(`${code}: no`), { code, ...more })

  test.each([
    ['a port in use', systemError('EADDRINUSE', { syscall: 'listen' }), 'Port 3000 of 127.0.0.1 is in use'],
    ['a port that needs rights', systemError('EACCES', { syscall: 'listen' }), 'more rights'],
    ['a foreign address', systemError('EADDRNOTAVAIL', { syscall: 'listen' }), '--host'],
    ['a folder without rights', systemError('EACCES', { syscall: 'mkdir' }), '--data-dir'],
    ['a full disk behind another error', new Error('no', { cause: systemError('ENOSPC') }), '--data-dir'],
    ['a locked database', systemError('ERR_SQLITE_ERROR'), 'job database'],
  ])('because of %s is one line without a stack', async (_, error, expected) => {
    const { err, exitCode } = await run([...quiet, '--data-dir', folder], {}, error)
    expect(exitCode).toBe(1)
    expect(err).toContain(expected)
    expect(err.split('\n')).toHaveLength(1)
  })

  test('because of our own mistake shows the stack', async () => {
    const { err, exitCode } = await run(quiet, {}, new TypeError('x is not a function'))
    expect(exitCode).toBe(1)
    expect(err).toContain('x is not a function')
    expect(err).toContain('    at ')
  })

  test('while it begins to listen closes what was built', async () => {
    const close = vi.fn(() => Promise.resolve())
    const listen = () => Promise.reject(systemError('EADDRINUSE', { syscall: 'listen' }))
    const { exitCode } = await run(quiet, {}, fakeGateway({ listen, close }))
    expect(exitCode).toBe(1)
    expect(close).toHaveBeenCalledOnce()
  })
})

describe('a running server', () => {
  test('closes and reloads through its gateway', async () => {
    const close = vi.fn(() => Promise.resolve())
    const reload = vi.fn(() => Promise.reject(new Error('the folder is gone')))
    const { handlers } = await run(quiet, { COMFYUI_API_DRAIN_SECONDS: '7' }, fakeGateway({ close, reload }))
    handlers?.reload()
    expect(reload).toHaveBeenCalledOnce()
    await handlers?.close(undefined)
    expect(close).toHaveBeenCalledOnce()
    expect(handlers?.closeTimeoutMs).toBeGreaterThan(7_000)
  })
})
