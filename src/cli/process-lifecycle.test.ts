import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, test } from 'vitest'

/** A process that is supervised; `close` takes as long as the test lets it. */
const script = (body: string) => `
  import { superviseProcess } from ${JSON.stringify(new URL('process-lifecycle.ts', import.meta.url).href)}
  const running = setInterval(() => {}, 60_000)
  const print = (text) => process.stdout.write(text + '\\n')
  superviseProcess({
    closeTimeoutMs: 10_000,
    close: async (error) => { print('close ' + (error?.message ?? '')); ${body}; clearInterval(running) },
    reload: () => print('reload'),
    onStray: (error, kind) => { print(kind + ' ' + (error?.message ?? error)); return error?.message === 'harmless' },
    onForced: (reason) => print('forced: ' + reason),
  })
  print('ready')
  process.stdin.on('data', (bytes) => {
    const [kind, message] = bytes.toString().trim().split(': ')
    if (kind === 'reject') void Promise.reject(new Error(message))
    if (kind === 'throw') throw new Error(message)
  })
`

let child: ChildProcess | undefined
afterEach(() => {
  child?.kill('SIGKILL')
})

async function start(body = '') {
  const started = spawn(process.execPath, ['--input-type=module', '-e', script(body)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child = started
  const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]()
  const nextLine = async (): Promise<unknown> => (await lines.next()).value
  expect(await nextLine()).toBe('ready')
  return { started, nextLine, exitCode: once(started, 'exit').then(([code]) => code as number | null) }
}

describe.skipIf(process.platform === 'win32')('a supervised process', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('closes on %s and exits with 0', async (signal) => {
    const { started, nextLine, exitCode } = await start()
    started.kill(signal)
    expect(await nextLine()).toBe('close ')
    expect(await exitCode).toBe(0)
  })

  test('takes the echo of a signal for the same one', async () => {
    const { started, nextLine, exitCode } = await start('await new Promise((done) => process.stdin.once("data", done))')
    started.kill('SIGINT')
    expect(await nextLine()).toBe('close ')
    started.kill('SIGINT')
    started.kill('SIGTERM')
    started.kill('SIGHUP')
    expect(await nextLine()).toBe('reload')
    expect(started.exitCode).toBeNull()
    started.kill('SIGKILL')
    expect(await exitCode).toBeNull()
  })

  test('ends at once on a second signal that comes later', async () => {
    const { started, nextLine, exitCode } = await start(
      'await new Promise((done) => setTimeout(done, 1_100)); print("late"); await new Promise(() => {})',
    )
    started.kill('SIGINT')
    expect(await nextLine()).toBe('close ')
    expect(await nextLine()).toBe('late')
    started.kill('SIGINT')
    expect(await nextLine()).toBe('forced: a second SIGINT')
    expect(await exitCode).toBe(1)
  })

  test('reloads on SIGHUP and goes on', async () => {
    const { started, nextLine, exitCode } = await start()
    started.kill('SIGHUP')
    expect(await nextLine()).toBe('reload')
    started.kill('SIGTERM')
    expect(await exitCode).toBe(0)
  })

  test.each([
    ['throw', 'exception'],
    ['reject', 'rejection'],
  ] as const)('closes on an error that nobody caught and exits with 1 (%s)', async (how, kind) => {
    const { started, nextLine, exitCode } = await start()
    started.stdin.write(`${how}: nobody catches this\n`)
    expect(await nextLine()).toBe(`${kind} nobody catches this`)
    expect(await nextLine()).toBe('close nobody catches this')
    expect(await exitCode).toBe(1)
  })

  test('goes on after errors that are harmless, however many there are', async () => {
    const { started, nextLine, exitCode } = await start()
    for (const [how, kind] of [
      ['reject', 'rejection'],
      ['throw', 'exception'],
      ['reject', 'rejection'],
    ] as const) {
      started.stdin.write(`${how}: harmless\n`)
      expect(await nextLine()).toBe(`${kind} harmless`)
    }
    started.kill('SIGTERM')
    expect(await nextLine()).toBe('close ')
    expect(await exitCode).toBe(0)
  })

  test('ends at once on a second error', async () => {
    const { started, nextLine, exitCode } = await start('await new Promise(() => {})')
    started.stdin.write('throw: first\n')
    expect(await nextLine()).toBe('exception first')
    expect(await nextLine()).toBe('close first')
    started.stdin.write('reject: second\n')
    expect(await nextLine()).toBe('rejection second')
    expect(await nextLine()).toBe('forced: a second error')
    expect(await exitCode).toBe(1)
  })
})
