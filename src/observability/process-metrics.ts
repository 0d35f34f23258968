import { readdirSync, readFileSync } from 'node:fs'
import { constants, monitorEventLoopDelay, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { z } from 'zod'
import type { Instruments } from './instruments.ts'

const eventLoopResolutionMs = 20
const nanosecondsPerSecond = 1e9
const microsecondsPerSecond = 1e6
const gcBuckets = [0.001, 0.01, 0.1, 1, 5]

/**
 * Adds memory, CPU, garbage collection, file and event loop metrics of this process, under the names that dashboards
 * for Node.js know. The collectors of prom-client itself are not used, because they cannot be stopped.
 */
export function createProcessMetrics(instruments: Instruments): { close(): void } {
  instruments
    .gauge({ name: 'process_start_time_seconds', help: 'Start of the process since the Unix epoch.' })
    .set(Math.round(Date.now() / 1000 - process.uptime()))
  instruments
    .gauge({ name: 'nodejs_version_info', help: 'Always 1; the label is the version of Node.js.', labels: ['version'] })
    .set({ version: process.version }, 1)
  let cpuSeconds = 0
  instruments.counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time spent, user and system.',
    collect(counter) {
      const { user, system } = process.cpuUsage()
      const nowSeconds = (user + system) / microsecondsPerSecond
      counter.inc(Math.max(0, nowSeconds - cpuSeconds))
      cpuSeconds = nowSeconds
    },
  })
  addMemory(instruments)
  addFiles(instruments)
  const loop = addEventLoop(instruments)
  const collections = addGarbageCollection(instruments)
  return {
    close() {
      loop.close()
      collections.close()
    },
  }
}

/** Linux without `/proc` does not tell them. */
function addMemory(instruments: Instruments): void {
  const gauge = (name: string, help: string, read: (usage: NodeJS.MemoryUsage) => number) =>
    instruments.gauge({
      name,
      help,
      collect(one) {
        const usage = readMemory()
        if (usage !== undefined) one.set(read(usage))
      },
    })
  gauge('process_resident_memory_bytes', 'Resident memory of the process.', ({ rss }) => rss)
  gauge('nodejs_heap_size_total_bytes', 'Heap that V8 reserved.', ({ heapTotal }) => heapTotal)
  gauge('nodejs_heap_size_used_bytes', 'Heap in use.', ({ heapUsed }) => heapUsed)
  gauge('nodejs_external_memory_bytes', 'Memory outside the heap, such as buffers.', ({ external }) => external)
}

function readMemory(): NodeJS.MemoryUsage | undefined {
  try {
    return process.memoryUsage()
  } catch {
    return undefined
  }
}

/** Linux alone tells them. */
function addFiles(instruments: Instruments): void {
  const max = readMaxFiles()
  instruments.gauge({
    name: 'process_open_fds',
    help: 'Open files and sockets. Only on Linux.',
    collect(gauge) {
      const count = countOpenFiles()
      if (count !== undefined) gauge.set(count)
    },
  })
  const maxGauge = instruments.gauge({
    name: 'process_max_fds',
    help: 'Open files and sockets allowed. Only on Linux.',
  })
  if (max !== undefined) maxGauge.set(max)
}

function addEventLoop(instruments: Instruments): { close(): void } {
  const delay = monitorEventLoopDelay({ resolution: eventLoopResolutionMs })
  delay.enable()
  // A sample is the resolution plus the delay; without samples percentiles are 0.
  const seconds = (nanoseconds: number) =>
    Math.max(0, nanoseconds / nanosecondsPerSecond - eventLoopResolutionMs / 1000)
  const gauge = (name: string, help: string, read: () => number) =>
    instruments.gauge({ name, help, collect: (one) => one.set(seconds(read())) })
  gauge('nodejs_eventloop_lag_p50_seconds', 'Median delay of the event loop since the last scrape.', () =>
    delay.percentile(50),
  )
  gauge(
    'nodejs_eventloop_lag_p99_seconds',
    '99th percentile of the delay of the event loop since the last scrape.',
    () => delay.percentile(99),
  )
  // Rendered last of the three, so that it begins the next period.
  gauge('nodejs_eventloop_lag_max_seconds', 'Longest delay of the event loop since the last scrape.', () => {
    const { max } = delay
    delay.reset()
    return max
  })
  return { close: () => void delay.disable() }
}

function addGarbageCollection(instruments: Instruments): { close(): void } {
  const duration = instruments.histogram({
    name: 'nodejs_gc_duration_seconds',
    help: 'Pauses of garbage collection, by kind.',
    labels: ['kind'],
    buckets: gcBuckets,
  })
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const kind = gcKindOf(entry)
      if (kind !== undefined) duration.observe({ kind }, entry.duration / 1000)
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  return { close: () => observer.disconnect() }
}

const gcKinds = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
])

const gcEntrySchema = z.object({ detail: z.object({ kind: z.number() }) })

function gcKindOf(entry: PerformanceEntry): string | undefined {
  const parsed = gcEntrySchema.safeParse(entry)
  return parsed.success ? gcKinds.get(parsed.data.detail.kind) : undefined
}

function countOpenFiles(): number | undefined {
  try {
    // One of them is the reading itself.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}

function readMaxFiles(): number | undefined {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}
