import { Worker } from 'node:worker_threads'

export interface ModuleGuardOptions {
  /** So long a module may keep everything else from going on. */
  readonly stallTimeoutMs?: number
}

/** A slow machine with large graphs stays far below. */
const defaultStallTimeoutMs = 30_000
const beatMs = 250
const maxNameBytes = 4096

/**
 * Runs work that calls modules of others, and keeps these from answering in its place: what they print goes to the
 * standard error, `process.exit` in them is an error of theirs, and one that never comes back ends the process, with a
 * line that names it. A loop without an end cannot be ended in another way.
 * @param work is given a function that says which module is next
 */
export async function guardModules<Result>(
  work: (at: (file: string) => void) => Promise<Result>,
  { stallTimeoutMs = defaultStallTimeoutMs }: ModuleGuardOptions = {},
): Promise<Result> {
  const { stdout, stderr } = process
  const exit = process.exit.bind(process)
  const write = stdout.write.bind(stdout)
  const watch = watchStalls(stallTimeoutMs)
  process.exit = (code) => {
    throw new Error(`it called process.exit(${String(code ?? '')})`)
  }
  stdout.write = stderr.write.bind(stderr)
  try {
    return await work(watch.at)
  } finally {
    stdout.write = write
    process.exit = exit
    watch.close()
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
