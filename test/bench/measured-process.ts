import { type ChildProcess, spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'

/** A program under measurement: what it used is read from `/proc`, so this works on Linux only. */
export interface MeasuredProcess {
  /** First match of the announcement's group: a port or an address. */
  readonly announced: string
  cpuSeconds(): Promise<number>
  /** The most memory it ever held, in MiB. */
  peakMemoryMiB(): Promise<number>
  /** Forgets the most memory it held until now. */
  resetPeakMemory(): Promise<void>
  /** The memory it holds now, in MiB. */
  residentMemoryMiB(): Promise<number>
  stop(): Promise<void>
}

/** Clock ticks a second in `/proc/<pid>/stat`, the same on every Linux that Node runs on. */
const clockTicks = 100
const startTimeoutMs = 20_000

/** Starts a program, Node's own unless given, and waits until a line of its output matches. */
export async function startMeasured(
  args: readonly string[],
  announcement: RegExp,
  command: string = process.execPath,
): Promise<MeasuredProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const announced = await announcementOf(child, announcement, args)
  const pid = String(child.pid)
  return {
    announced,
    async cpuSeconds() {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[11]) + Number(fields[12])) / clockTicks
    },
    peakMemoryMiB: () => readMiB(pid, 'VmHWM'),
    resetPeakMemory: () => writeFile(`/proc/${pid}/clear_refs`, '5'),
    residentMemoryMiB: () => readMiB(pid, 'VmRSS'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function readMiB(pid: string, field: 'VmHWM' | 'VmRSS'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
}

async function announcementOf(child: ChildProcess, announcement: RegExp, args: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue
    createInterface({ input: stream }).on('line', (line) => {
      if (said.length < 50) said.push(line)
      const match = announcement.exec(line)
      if (match) resolve(match[1] ?? match[0])
    })
  }
  const fail = (why: string) => reject(new Error([`${args.join(' ')} ${why}`, ...said].join('\n')))
  child.once('exit', (code) => fail(`ended with ${String(code)}`))
  const timer = setTimeout(() => fail('did not start in time'), startTimeoutMs)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}
