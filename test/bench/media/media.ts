import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { programUnderTest } from '../../support/program.ts'
import { type MeasuredProcess, startMeasured } from '../measured-process.ts'
import { type MediaFigures, type MediaLoad, mebibyte, measureMedia, medianOf, nameOf } from './load.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const inRoot = (file: string) => path.join(root, file)
const submitAhead = 1

/** What a system did with one load, over all rounds. */
export interface MediaRow extends MediaFigures {
  readonly load: MediaLoad
  readonly system: SystemName
  /** CPU beside the bare forwarder's in the same round. */
  readonly cpuRatio: number
  /** Where the memory is compared with what the process held before: by how much it grew at most. */
  readonly addedMemoryMiB?: number
}

export type SystemName = 'bare forwarder' | 'gateway, keep' | 'gateway, stream'

interface System {
  readonly name: SystemName
  start(comfyuiUrl: string, dataDir: string): Promise<{ process: MeasuredProcess; url: string }>
}

const systems: readonly System[] = [
  {
    name: 'bare forwarder',
    async start(comfyuiUrl) {
      const args = [inRoot('test/bench/media/bare-forwarder.ts'), comfyuiUrl, String(1 + submitAhead)]
      const process = await startMeasured(args, /listening (\d+)/)
      return { process, url: `http://127.0.0.1:${process.announced}` }
    },
  },
  gateway('gateway, keep', ['--outputs', 'keep']),
  gateway('gateway, stream', ['--outputs', 'stream']),
]

function gateway(name: SystemName, options: readonly string[]): System {
  const program = programUnderTest()
  return {
    name,
    async start(comfyuiUrl, dataDir) {
      const args = [
        ...[...program.args, 'serve', '--port', '0', '--comfyui-url', comfyuiUrl],
        ...['--workflows', inRoot('test/bench/media/workflows'), '--no-shipped-workflows', '--max-queued', '100000'],
        ...['--data-dir', dataDir, '--submit-ahead', String(submitAhead), '--log-format', 'json', ...options],
      ]
      const process = await startMeasured(args, /"url":"(http:[^"]+)"/, program.command)
      return { process, url: process.announced }
    },
  }
}

interface Cell extends MediaLoad {
  /** Jobs of the same kind before those that are measured. */
  readonly warmUpJobs: number
  /** The memory is compared with that of a gateway that did next to nothing. */
  readonly comparesMemory?: true
}

/** How many jobs a cell takes: enough for a second of work. */
const sizes = [
  { bytes: 1024, alone: 400, together: 1600 },
  { bytes: 1.5 * mebibyte, alone: 150, together: 320 },
  { bytes: 8 * mebibyte, alone: 40, together: 96 },
]

function cellsOf(scale: number): Cell[] {
  const images = sizes.flatMap(({ bytes, alone, together }) =>
    (['raw', 'base64'] as const).flatMap((answer) => [
      cellOf(bytes, answer, 1, Math.round(alone * scale)),
      cellOf(bytes, answer, 16, Math.max(32, Math.round(together * scale))),
    ]),
  )
  const video: Cell = {
    ...{ bytes: 200 * mebibyte, extension: 'mp4', answer: 'raw', submitted: 1 },
    ...{ jobs: scale < 1 ? 1 : 3, warmUpJobs: 1, comparesMemory: true },
  }
  const upload: Cell = { ...cellOf(1024, 'raw', 16, scale < 1 ? 32 : 96), sentBytes: 8 * mebibyte }
  return [...images, video, upload]
}

function cellOf(bytes: number, answer: MediaLoad['answer'], submitted: number, jobs: number): Cell {
  return { bytes, extension: 'png', answer, submitted, jobs, warmUpJobs: Math.ceil(jobs / 3) }
}

/** Before everything else, so that code that runs often is compiled. */
const warmUp: MediaLoad = { bytes: 1024, extension: 'png', answer: 'raw', submitted: 4, jobs: 200 }

type Measured = Pick<MediaRow, keyof MediaFigures | 'addedMemoryMiB'>

/** Measures each load with each system in turn, `rounds` times over, every time in a new process. Medians. */
export async function measureMediaRows(options: {
  readonly scratch: string
  readonly scale: number
  readonly rounds: number
  /** Part of the name of what is to be measured, such as `8 MB`. All without it. */
  readonly only: string
  readonly onRound: (round: number) => void
}): Promise<MediaRow[]> {
  const { scratch, rounds, only, onRound } = options
  const cells = cellsOf(options.scale).filter((cell) =>
    `${nameOf(cell)} ${cell.answer} ${String(cell.submitted)}`.includes(only),
  )
  const measured = cells.map(() => systems.map((): Measured[] => []))
  const standIn = await startMeasured([inRoot('test/bench/media/stand-in.ts')], /(http:\S+)/)
  try {
    for (let round = 1; round <= rounds; round++) {
      onRound(round)
      for (const [at, cell] of cells.entries()) {
        for (const [which, system] of systems.entries()) {
          measured[at]?.[which]?.push(await measureCell(system, cell, standIn.announced, path.join(scratch, 'media')))
        }
      }
    }
  } finally {
    await standIn.stop()
  }
  return cells.flatMap((load, at) =>
    systems.map(({ name }, which) => ({
      load,
      system: name,
      ...inMiddle(measured[at]?.[which] ?? [], measured[at]?.[0] ?? []),
    })),
  )
}

/**
 * Writes as much as a load will, and removes it. The first touch of memory that a virtual machine has not used for some
 * seconds costs ten times as much as writing to a file does. What is in use all the time does not know of it.
 */
function touchMemory(path: string, bytes: number): void {
  const file = openSync(path, 'w')
  try {
    const piece = Buffer.alloc(mebibyte / 4)
    for (let written = 0; written < bytes; written += piece.length) writeSync(file, piece)
  } finally {
    closeSync(file)
    rmSync(path, { force: true })
  }
}

async function measureCell(system: System, cell: Cell, comfyuiUrl: string, dataDir: string): Promise<Measured> {
  const { process, url } = await system.start(comfyuiUrl, dataDir)
  try {
    await measureMedia(process, url, warmUp)
    const touch = () => touchMemory(`${dataDir}.touched`, (cell.sentBytes ?? cell.bytes) * cell.jobs * 2)
    if (cell.comparesMemory) {
      touch()
      await process.resetPeakMemory()
      const idleMiB = await process.residentMemoryMiB()
      const figures = await measureMedia(process, url, cell)
      return { ...figures, addedMemoryMiB: figures.peakMemoryMiB - idleMiB }
    }
    await measureMedia(process, url, { ...cell, jobs: cell.warmUpJobs })
    touch()
    return await measureMedia(process, url, cell)
  } finally {
    await process.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** Memory is the most of all rounds, everything else the median. */
function inMiddle(rounds: readonly Measured[], bare: readonly Measured[]): Measured & { cpuRatio: number } {
  const middle = (of: (figures: Measured) => number) => medianOf(rounds.map(of))
  const added = rounds.flatMap(({ addedMemoryMiB }) => (addedMemoryMiB === undefined ? [] : [addedMemoryMiB]))
  return {
    jobsPerSecond: middle((figures) => figures.jobsPerSecond),
    firstByteMs: middle((figures) => figures.firstByteMs),
    cpuSecondsPer1000: middle((figures) => figures.cpuSecondsPer1000),
    peakMemoryMiB: Math.max(...rounds.map((figures) => figures.peakMemoryMiB)),
    ...(added.length > 0 && { addedMemoryMiB: Math.max(...added) }),
    cpuRatio: medianOf(
      rounds.map((figures, round) => figures.cpuSecondsPer1000 / (bare[round]?.cpuSecondsPer1000 ?? Number.NaN)),
    ),
  }
}
