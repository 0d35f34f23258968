import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

export interface Program {
  readonly command: string
  /** What comes before the arguments of the program itself. */
  readonly args: readonly string[]
}

/** The program as people start it: the binary that the variable BINARY names, or the launcher in this checkout. */
export function programUnderTest(): Program {
  const binary = process.env['BINARY']
  if (binary !== undefined && binary !== '') return { command: resolve(binary), args: [] }
  return { command: process.execPath, args: [resolve(import.meta.dirname, '..', '..', 'bin', 'comfyui-api.js')] }
}

/** An empty folder in which the program runs, gone when it is disposed of. */
export class ProgramHome implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'program-'))

  at(file: string): string {
    return join(this.path, file)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

export interface ProgramOptions {
  readonly home: ProgramHome
  readonly env?: Readonly<Record<string, string>>
  /** What the program is started by, such as a command that changes what it may do. */
  readonly by?: readonly string[]
}

function start(args: readonly string[], { home, env = {}, by = [] }: ProgramOptions): ChildProcess {
  const program = programUnderTest()
  const [command = program.command, ...rest] = [...by, program.command, ...program.args, ...args]
  return spawn(command, rest, {
    cwd: home.path,
    env: { PATH: process.env['PATH'], HOME: home.path, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

export interface Ended {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

/** Runs a command of the program to its end. */
export async function runProgram(args: readonly string[], options: ProgramOptions): Promise<Ended> {
  const child = start(args, options)
  const texts = { output: '', errors: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (texts.output += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (texts.errors += text))
  await once(child, 'close')
  return { code: child.exitCode, ...texts }
}

/** A server that answers. It is killed when it is disposed of. */
export interface RunningProgram extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** What it wrote. */
  readonly lines: readonly string[]
  /** Resolves with its exit code when it is gone. */
  end(signal: NodeJS.Signals): Promise<number | null>
}

/** @param args whatever starts a server; it listens on any free port, and its data lies in its folder */
export async function startProgram(args: readonly string[], options: ProgramOptions): Promise<RunningProgram> {
  const child = start([...args, '--port', '0', '--log-format', 'json'], options)
  const ended = once(child, 'close')
  const lines: string[] = []
  const { promise: url, resolve: found, reject } = Promise.withResolvers<string>()
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      const address = /"url":"(http:[^"]+)".*"msg":"listening"/.exec(line)?.[1]
      if (address !== undefined) found(address)
    })
  }
  child.once('error', reject)
  child.once('close', (code) => reject(new Error(`the program ended with ${String(code)}:\n${lines.join('\n')}`)))
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await ended
    return child.exitCode
  }
  return {
    url: await url,
    pid: child.pid ?? 0,
    lines,
    end,
    [Symbol.asyncDispose]: async () => {
      await end('SIGKILL')
    },
  }
}
