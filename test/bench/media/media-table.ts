import { mebibyte, nameOf } from './load.ts'
import type { MediaRow } from './media.ts'

/** What is aimed at. Small images are not in it: with them a job costs what it costs without any. */
interface Bar {
  readonly says: string
  readonly atMost: number
  readonly isAbout: (row: MediaRow) => boolean
  readonly figure: (row: MediaRow) => number | undefined
}

const isLargeImage = ({ load }: MediaRow) => load.extension === 'png' && load.bytes > mebibyte
const cpuRatio = ({ cpuRatio: ratio }: MediaRow) => ratio
const isGateway = ({ system }: MediaRow) => system !== 'bare forwarder'

const bars: readonly Bar[] = [
  {
    says: 'Raw images that are stored, CPU beside the bare forwarder',
    atMost: 1.8,
    isAbout: (row) => isLargeImage(row) && row.load.answer === 'raw' && row.system === 'gateway, keep',
    figure: cpuRatio,
  },
  {
    says: 'Raw images with --outputs stream, CPU beside the bare forwarder',
    atMost: 1.3,
    isAbout: (row) => isLargeImage(row) && row.load.answer === 'raw' && row.system === 'gateway, stream',
    figure: cpuRatio,
  },
  {
    says: 'Images as base64, CPU beside the bare forwarder',
    atMost: 2,
    isAbout: (row) => isLargeImage(row) && row.load.answer === 'base64' && isGateway(row),
    figure: cpuRatio,
  },
  {
    says: 'Peak memory with 16 images of 8 MB at once, MiB',
    atMost: 200,
    isAbout: (row) => isGateway(row) && row.load.submitted > 1 && (row.load.sentBytes ?? row.load.bytes) > 2 * mebibyte,
    figure: ({ peakMemoryMiB }) => peakMemoryMiB,
  },
  {
    says: 'Memory that a video of 200 MB adds, MiB',
    atMost: 40,
    isAbout: isGateway,
    figure: ({ addedMemoryMiB }) => addedMemoryMiB,
  },
]

export function* mediaTable(rows: readonly MediaRow[]): Generator<string> {
  yield '| file | answer | at once | system | jobs/s | first byte, p50 ms | CPU s per 1000 jobs | × bare | peak MiB |'
  yield '| --- | --- | --- | --- | --- | --- | --- | --- | --- |'
  for (const row of rows) {
    const cells = [
      nameOf(row.load),
      row.load.answer,
      row.load.submitted,
      row.system,
      row.jobsPerSecond < 10 ? row.jobsPerSecond.toFixed(1) : Math.round(row.jobsPerSecond),
      row.firstByteMs.toFixed(1),
      row.cpuSecondsPer1000.toFixed(2),
      row.cpuRatio.toFixed(2),
      Math.round(row.peakMemoryMiB),
    ]
    yield `| ${cells.join(' | ')} |`
  }
}

/** One line for each bar: what was reached at worst, and whether that is enough. */
export function* mediaVerdicts(rows: readonly MediaRow[]): Generator<string> {
  for (const { says, atMost, isAbout, figure } of bars) {
    const figures = rows.filter(isAbout).flatMap((row) => {
      const value = figure(row)
      return value === undefined ? [] : [{ row, value }]
    })
    const worst = figures.toSorted((left, right) => right.value - left.value)[0]
    if (worst === undefined) continue
    const { load, system } = worst.row
    const held = figures.filter(({ value }) => value <= atMost).length
    const where = `${nameOf(load)} ${load.answer}, ${String(load.submitted)} at once, ${system}`
    const verdict =
      held === figures.length ? 'holds' : `missed in ${String(figures.length - held)} of ${String(figures.length)}`
    yield `${says}: at most ${String(atMost)}; at worst ${worst.value.toFixed(worst.value < 10 ? 2 : 0)} (${where}): ${verdict}.`
  }
}
