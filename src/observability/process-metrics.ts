import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, type Registry } from 'prom-client'

const eventLoopResolutionMs = 20
const nanosecondsPerSecond = 1e9
const microsecondsPerSecond = 1e6

/**
 * Adds memory, CPU and event loop metrics of this process, under the names that dashboards for Node.js know.
 * The collectors of prom-client itself are not used, because they cannot be stopped.
 */
export function createProcessMetrics(registry: Registry): { close(): void } {
  const registers = [registry]
  const loopDelay = monitorEventLoopDelay({ resolution: eventLoopResolutionMs })
  loopDelay.enable()

  new Gauge({
    registers,
    name: 'process_start_time_seconds',
    help: 'Start time of the process since the Unix epoch.',
  }).set(Math.round(Date.now() / 1000 - process.uptime()))

  new Gauge({
    registers,
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process.',
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })

  new Gauge({
    registers,
    name: 'nodejs_heap_size_used_bytes',
    help: 'Heap in use.',
    collect() {
      this.set(process.memoryUsage().heapUsed)
    },
  })

  new Counter({
    registers,
    name: 'process_cpu_seconds_total',
    help: 'CPU time spent, user and system.',
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / microsecondsPerSecond)
    },
  })

  new Gauge({
    registers,
    name: 'nodejs_eventloop_lag_seconds',
    help: 'Delay of the event loop since the last scrape.',
    labelNames: ['quantile'],
    collect() {
      // A sample is the resolution plus the delay; without samples percentiles are 0.
      const seconds = (nanoseconds: number) =>
        Math.max(0, nanoseconds / nanosecondsPerSecond - eventLoopResolutionMs / 1000)
      this.set({ quantile: '0.5' }, seconds(loopDelay.percentile(50)))
      this.set({ quantile: '0.99' }, seconds(loopDelay.percentile(99)))
      this.set({ quantile: '1' }, seconds(loopDelay.max))
      loopDelay.reset()
    },
  })

  return { close: () => void loopDelay.disable() }
}
