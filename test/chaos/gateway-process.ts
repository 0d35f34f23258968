import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { within } from './within.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const startMs = 60_000
const stopMs = 60_000
const keptLines = 40

/** A gateway that can be killed. */
export interface GatewayProcess {
  /** Resolves with its address when it answers; rejects when it ends first. */
  readonly ready: Promise<string>
  /** `SIGKILL`: no handler of it runs. Resolves when it is gone. */
  kill(): Promise<void>
  /** `SIGTERM`. @throws when it does not end well */
  stop(): Promise<void>
}

/** Starts the program as its users do, on any free port. `env` is added to the environment. */
export function startGatewayProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): GatewayProcess {
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--log-format', 'json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const said: string[] = []
  const ready = addressOf(child, said)
  // It may be killed before anybody wants to know.
  ready.catch(() => {})

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill(signal)
    await within(stopMs, `the end of the gateway by ${signal}`, exit)
  }

  return {
    ready,
    kill: () => end('SIGKILL'),
    async stop() {
      await end('SIGTERM')
      if (child.exitCode !== 0) throw new Error(['the gateway did not stop well', ...said].join('\n'))
    },
  }
}

function addressOf(child: ChildProcess, said: string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      said.push(line)
      if (said.length > keptLines) said.shift()
      const address = /"url":"(http:[^"]+)".*"msg":"listening"/.exec(line)?.[1]
      if (address !== undefined) resolve(address)
    })
  }
  child.once('exit', (code, signal) => {
    reject(new Error([`the gateway ended with ${signal ?? String(code)}`, ...said].join('\n')))
  })
  return within(startMs, 'the start of the gateway', promise)
}
