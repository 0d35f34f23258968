import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { originOfStray, type StrayKind } from './stray-errors.ts'

export interface ModuleGuardOptions {
  /** So long a module may keep everything else from going on. */
  readonly stallTimeoutMs?: number
}

/** An error that nobody caught. */
export interface LeftError {
  readonly error: unknown
  /** Path of the module that its stack names. */
  readonly file: string | undefined
}

/** What the work and its guard tell each other. */
export interface GuardedModules {
  /** Says which module is next. */
  at(file: string): void
  /** Modules of this folder are called from now on. */
  watch(folder: string): void
  /** The errors that modules have left behind since it was last asked. */
  leftErrors(): Promise<readonly LeftError[]>
}

/** A slow machine with large graphs stays far below. */
const defaultStallTimeoutMs = 30_000
const beatMs = 250
const maxNameBytes = 4096

/**
 * Runs work that calls modules of others, and keeps these from answering in its place: what they print goes to the
 * standard error, `process.exit` in them is an error of theirs, rejections that they do not wait for and what their
 * timers throw is kept for the work to ask for, and one that never comes back ends the process, with a line that names
 * it. A loop without an end cannot be ended in another way.
 * @throws what nobody caught, where it is not of modules or the work does not ask for it
 */
export async function guardModules<Result>(
  work: (modules: GuardedModules) => Promise<Result>,
  { stallTimeoutMs = defaultStallTimeoutMs }: ModuleGuardOptions = {},
): Promise<Result> {
  const { stdout, stderr } = process
  const exit = process.exit.bind(process)
  const write = stdout.write.bind(stdout)
  const watch = watchStalls(stallTimeoutMs)
  const left = catchLeftErrors()
  process.exit = (code) => {
    throw new Error(`it called process.exit(${String(code ?? '')})`)
  }
  stdout.write = stderr.write.bind(stderr)
  try {
    const result = await Promise.race([
      work({
        at: watch.at,
        watch: (folder) => {
          left.watch(folder)
        },
        leftErrors: () => left.take(),
      }),
      left.failure,
    ])
    const [unasked] = await left.take()
    if (unasked !== undefined) throw unasked.error
    return result
  } finally {
    stdout.write = write
    process.exit = exit
    watch.close()
    left.close()
  }
}

interface LeftErrors {
  watch(folder: string): void
  take(): Promise<readonly LeftError[]>
  /** Never resolves; rejects with what is not of modules. */
  readonly failure: Promise<never>
  close(): void
}

function catchLeftErrors(): LeftErrors {
  const folders: string[] = []
  let left: LeftError[] = []
  const { promise: failure, reject } = Promise.withResolvers<never>()
  // Whoever waits for it meanwhile is told all the same.
  failure.catch(() => undefined)
  const keep = (kind: StrayKind) => (error: unknown) => {
    const { isHarmless, file } = originOfStray(error, kind, folders)
    if (isHarmless) left.push({ error, file })
    else reject(error)
  }
  const onRejection = keep('rejection')
  const onException = keep('exception')
  process.on('unhandledRejection', onRejection)
  process.on('uncaughtException', onException)
  return {
    failure,
    watch: (folder) => void folders.push(folder),
    async take() {
      // Node tells of rejections when a turn is over.
      await setImmediate()
      const taken = left
      left = []
      return taken
    },
    close() {
      process.off('unhandledRejection', onRejection)
      process.off('uncaughtException', onException)
    },
  }
}

/** Another thread looks whether this one still lives. */
function watchStalls(stallTimeoutMs: number): { readonly at: (file: string) => void; readonly close: () => void } {
  const beats = new Int32Array(new SharedArrayBuffer(8))
  const name = new Uint8Array(new SharedArrayBuffer(maxNameBytes))
  const timer = setInterval(() => void Atomics.add(beats, 0, 1), beatMs)
  timer.unref()
  const worker = new Worker(watcher, { eval: true, workerData: { beats, name, beatMs, stallTimeoutMs } })
  worker.unref()
  // Without a watcher the work goes on.
  worker.on('error', () => undefined)
  return {
    at(file) {
      Atomics.add(beats, 0, 1)
      Atomics.store(beats, 1, new TextEncoder().encodeInto(file, name).written)
    },
    close() {
      clearInterval(timer)
      void worker.terminate()
    },
  }
}

const watcher = `
const { workerData: { beats, name, beatMs, stallTimeoutMs } } = require('node:worker_threads')
const { writeSync } = require('node:fs')
let last = -1
let since = performance.now()
setInterval(() => {
  const now = Atomics.load(beats, 0)
  if (now !== last) {
    last = now
    since = performance.now()
  }
  if (performance.now() - since < stallTimeoutMs) return
  const file = Buffer.from(name.subarray(0, Atomics.load(beats, 1))).toString()
  const who = file === '' ? 'A module' : file
  writeSync(2, who + ' does not come back: it has kept the process busy for ' + stallTimeoutMs / 1000 + ' s. Look for a loop without an end.\\n')
  process.kill(process.pid, 'SIGKILL')
}, beatMs)
`
