import type { FastifyReply } from 'fastify'
import type { Job } from '../../jobs/job.ts'
import type { JobOutput } from '../../outputs/job-output.ts'
import type { OutputStore } from '../../outputs/output-store.ts'
import type { JobResource } from '../schemas/job.ts'
import type { RunStats } from '../schemas/result.ts'
import { BegunAnswer } from './begun-answer.ts'
import { base64Length, createBase64Encoder } from './encode-base64.ts'
import { expiredOutput } from './send-output.ts'

/** Images up to this size in all are answered in one piece. */
const maxPieceBytes = 262_144

type Outputs = Pick<OutputStore, 'read' | 'scan' | 'pin'>

/**
 * Answers with the job and its images as base64. The JSON is written by hand: base64 needs no escaping, its length is
 * known, and large images go through without ever being in memory as a whole.
 * @throws GatewayError `output_expired`
 */
export async function sendResult(
  reply: FastifyReply,
  result: { job: Job; resource: JobResource; stats: RunStats; outputs: Outputs; stalledTimeoutMs: number },
): Promise<void> {
  const { job, resource, stats, outputs } = result
  const images = job.outputs.filter((output) => output.kind === 'image')
  const filenames = images.map((image) => image.filename)
  const head = `${JSON.stringify({ ...resource, filenames, stats }).slice(0, -1)},"images":[`
  reply.type('application/json; charset=utf-8')
  if (images.reduce((total, image) => total + image.sizeBytes, 0) <= maxPieceBytes) {
    reply.send(`${head}${(await readAll(outputs, job, images)).join(',')}]}`)
    return
  }
  const length = images.reduce((total, image) => total + base64Length(image.sizeBytes) + 3, Buffer.byteLength(head) + 1)
  await stream(images, { ...result, reply, head, length })
}

interface LargeResult {
  readonly reply: FastifyReply
  readonly job: Job
  readonly outputs: Outputs
  readonly stalledTimeoutMs: number
  readonly head: string
  readonly length: number
}

/** Begins with the first bytes that were read; what fails after that breaks the answer off. */
async function stream(images: readonly JobOutput[], result: LargeResult): Promise<void> {
  const { reply, job, outputs, stalledTimeoutMs, head, length } = result
  let answer: BegunAnswer | undefined
  const write = async (bytes: Buffer | string): Promise<boolean> => {
    answer ??= new BegunAnswer(reply, { sizeBytes: length, stalledTimeoutMs })
    await answer.write(bytes)
    return !answer.isGone
  }
  const unpin = outputs.pin(job.id)
  try {
    for (const [position, image] of images.entries()) {
      const encoder = createBase64Encoder()
      const before = position === 0 ? Buffer.from(`${head}"`) : '","'
      const progress = { isBegun: false }
      const isThere = await outputs.scan(job.id, image.index, async (piece) => {
        if (!progress.isBegun && !(await write(before))) return false
        progress.isBegun = true
        for (const part of encoder.encode(piece)) if (!(await write(part))) return false
        return true
      })
      if (!isThere) throw expiredOutput(job, image)
      if (!progress.isBegun) await write(before)
      await write(encoder.end())
    }
    await write('"]}')
    answer?.end()
  } catch (error) {
    if (answer === undefined) throw error
    answer.destroy()
  } finally {
    unpin()
  }
}

async function readAll(outputs: Outputs, job: Job, images: readonly JobOutput[]): Promise<string[]> {
  return Promise.all(
    images.map(async (image) => {
      const bytes = await outputs.read(job.id, image.index)
      if (bytes === undefined) throw expiredOutput(job, image)
      return `"${bytes.toString('base64')}"`
    }),
  )
}
