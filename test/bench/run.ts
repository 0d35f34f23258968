import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measureInstances } from './instances.ts'
import { measureCheck } from './check-time.ts'
import { measureGenerate } from './generate-time.ts'
import { type MeasuredProcess, startMeasured } from './measured-process.ts'
import { measureMediaRows } from './media/media.ts'
import { mediaTable, mediaVerdicts } from './media/media-table.ts'
import { type Figures, type Load, measure } from './throughput.ts'
import { measurePrediction } from './prediction-time.ts'
import { programUnderTest } from '../support/program.ts'
import { writeWorkflows } from './generated-workflows.ts'
import { measureStart } from './start-time.ts'

/**
 * Measures the gateway beside a bare route that does the same without keeping any promise. Simulator, gateway and load
 * are processes of their own on this machine.
 *
 *     npm run bench [-- throughput|media|start|instances|check|generate] [--quick] [--only <some media, such as 8 MB>]
 */
const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
  allowPositionals: true,
})
const scale = values.quick ? 0.2 : 1
const submitAhead = 1
const mediaRounds = 3
const checkedWorkflows = 500
const checkBarSeconds = 10
const verdictBarMicroseconds = 200
const generateBarSeconds = 1

const root = fileURLToPath(new URL('../..', import.meta.url))
const inRoot = (file: string) => path.join(root, file)
const scratch = await mkdtemp(path.join(os.tmpdir(), 'comfyui-api-bench-'))

interface System {
  readonly name: string
  start(comfyuiUrl: string): Promise<{ process: MeasuredProcess; url: string }>
}

let started = 0
function gateway(name: string, jobStore: string): System {
  return {
    name,
    async start(comfyuiUrl) {
      const args = [
        ...[inRoot('src/main.ts'), 'serve', '--port', '0', '--comfyui-url', comfyuiUrl],
        ...['--workflows', inRoot('test/bench/workflows'), '--no-shipped-workflows', '--max-queued', '100000'],
        ...['--data-dir', path.join(scratch, String(++started)), '--job-store', jobStore],
        ...['--submit-ahead', String(submitAhead), '--log-level', 'info', '--log-format', 'json'],
      ]
      const process = await startMeasured(args, /"url":"(http:[^"]+)"/)
      return { process, url: process.announced }
    },
  }
}

const systems: readonly System[] = [
  {
    name: 'bare route',
    async start(comfyuiUrl) {
      const process = await startMeasured(
        [inRoot('test/bench/bare-route.ts'), comfyuiUrl, String(1 + submitAhead)],
        /listening (\d+)/,
      )
      return { process, url: `http://127.0.0.1:${process.announced}` }
    },
  },
  gateway('gateway, memory', 'memory'),
  gateway('gateway, SQLite', 'sqlite'),
]

const loads: readonly Load[] = [0, 20].flatMap((steps) => [
  { submitted: 1, jobs: Math.round(1000 * scale), steps },
  { submitted: 64, jobs: Math.round(5000 * scale), steps },
  { submitted: 1000, jobs: Math.round(6000 * scale), steps },
])

async function measureOne(system: System, load: Load): Promise<Figures> {
  const simulator = await startMeasured(
    [inRoot('scripts/simulator.ts'), '--port', '0', '--test-nodes', '--step-delay-ms', '0'],
    /(http:\S+)/,
  )
  try {
    const { process, url } = await system.start(simulator.announced)
    try {
      await measure(process, url, { ...load, submitted: Math.min(load.submitted, 32), jobs: Math.round(1500 * scale) })
      return await measure(process, url, load)
    } finally {
      await process.stop()
    }
  } finally {
    await simulator.stop()
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function printThroughput(): Promise<void> {
  print('| steps | submitted | system | jobs/s | p50 ms | p99 ms | CPU s per 1000 jobs | × bare | peak MiB |')
  print('| --- | --- | --- | --- | --- | --- | --- | --- | --- |')
  for (const load of loads) {
    let bareCpu = Number.NaN
    for (const system of systems) {
      const figures = await measureOne(system, load)
      if (system === systems[0]) bareCpu = figures.cpuSecondsPer1000
      const cells = [
        load.steps,
        load.submitted,
        system.name,
        Math.round(figures.jobsPerSecond),
        figures.p50Ms.toFixed(1),
        figures.p99Ms.toFixed(1),
        figures.cpuSecondsPer1000.toFixed(3),
        (figures.cpuSecondsPer1000 / bareCpu).toFixed(2),
        Math.round(figures.peakMemoryMiB),
      ]
      print(`| ${cells.join(' | ')} |`)
    }
  }
}

async function printMedia(): Promise<void> {
  const rows = await measureMediaRows({
    scratch,
    scale,
    rounds: values.quick ? 1 : mediaRounds,
    only: values.only,
    onRound: (round) => process.stderr.write(`media: round ${String(round)}\n`),
  })
  for (const line of mediaTable(rows)) print(line)
  print('')
  for (const line of mediaVerdicts(rows)) print(line)
}

async function printStart(): Promise<void> {
  const ten = path.join(scratch, 'ten')
  await writeWorkflows(ten, 10)
  const program = programUnderTest()
  const kinds = { 'the demo': ['--demo'], 'no workflows of its own': [], 'ten workflows': ['--workflows', ten] }
  for (const [name, options] of Object.entries(kinds)) {
    const runs = values.quick ? 3 : 20
    const { timesMs, idleMiB } = await measureStart(program, path.join(scratch, 'start'), runs, options)
    const times = timesMs.map((ms) => String(Math.round(ms))).join(', ')
    print(`Start with ${name}: GET /qwen/qwen_base_txt2img answers ${times} ms after the start of the process.`)
    print(`When idle it holds ${idleMiB.toFixed(0)} MiB.`)
  }
}

async function printInstances(): Promise<void> {
  const { spread, long } = await measureInstances(path.join(scratch, 'instances'), scale)
  const share = ((spread.jobsPerSecond / spread.idealPerSecond) * 100).toFixed(1)
  const ofDirect = ((spread.jobsPerSecond / spread.directPerSecond) * 100).toFixed(1)
  print(
    `Four instances of 20 ms: ${spread.jobsPerSecond.toFixed(1)} jobs/s, ${share} % of ${String(spread.idealPerSecond)}.`,
  )
  print(
    `The same without a gateway: ${spread.directPerSecond.toFixed(1)} jobs/s; the gateway reaches ${ofDirect} % of that.`,
  )
  print(`Jobs by instance: ${spread.byInstance.join(', ')}.`)
  print(
    `${String(long.jobs)} jobs: ${Math.round(long.jobsPerSecond).toString()} jobs/s, ${String(long.lost)} lost, ${String(long.mixedUp)} mixed up.`,
  )
  print(`Resident memory after each fifth: ${long.residentMiB.map((mib) => Math.round(mib)).join(', ')} MiB.`)
}

async function printCheck(): Promise<void> {
  const prediction = measurePrediction(values.quick ? 2000 : 20_000)
  print(
    `Verdict on a graph of ${String(prediction.nodes)} nodes: ${prediction.verdictMicroseconds.toFixed(0)} µs of CPU; at most ${String(verdictBarMicroseconds)}.`,
  )
  print(
    `Catalogue of ${String(prediction.catalogueClasses)} classes: ${prediction.catalogueKiB.toFixed(0)} KiB, read in ${prediction.readMilliseconds.toFixed(0)} ms of CPU.`,
  )
  const { seconds, workflows, graphs } = await measureCheck(inRoot('bin/comfyui-api.js'), scratch, checkedWorkflows)
  print(
    `comfyui-api check: ${String(workflows)} workflows in ${seconds.toFixed(1)} s, with ${String(graphs)} graphs; at most ${String(checkBarSeconds)} s.`,
  )
}

async function printGenerate(): Promise<void> {
  const runs = values.quick ? 3 : 10
  const { seconds, nodes, parameters } = await measureGenerate(inRoot('bin/comfyui-api.js'), scratch, runs)
  const times = seconds.map((each) => each.toFixed(2)).join(', ')
  print(
    `comfyui-api generate-workflow: ${String(nodes)} nodes, ${String(parameters)} parameters in ${times} s; at most ${String(generateBarSeconds)} s.`,
  )
}

const parts = {
  throughput: printThroughput,
  media: printMedia,
  start: printStart,
  instances: printInstances,
  check: printCheck,
  generate: printGenerate,
}
const wanted = positionals.length > 0 ? positionals : Object.keys(parts)

try {
  print(`Node ${process.version}, ${String(os.cpus().length)} × ${os.cpus()[0]?.model ?? 'unknown processor'}`)
  for (const [name, part] of Object.entries(parts)) {
    if (!wanted.includes(name)) continue
    print('')
    await part()
  }
} finally {
  await rm(scratch, { recursive: true, force: true })
}
