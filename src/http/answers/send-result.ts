import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Job } from '../../jobs/job.ts'
import type { JobOutput } from '../../outputs/job-output.ts'
import type { OutputStore } from '../../outputs/output-store.ts'
import type { JobResource } from '../schemas/job.ts'
import type { RunStats } from '../schemas/result.ts'
import { base64Length, encodeBase64 } from './encode-base64.ts'
import { expiredOutput } from './send-output.ts'

/** Images up to this size in all are answered in one piece. */
const maxPieceBytes = 262_144

type Outputs = Pick<OutputStore, 'read' | 'open'>

/**
 * Answers with the job and its images as base64. The JSON is written by hand: base64 needs no escaping, its length is
 * known, and large images go through without ever being in memory as a whole.
 * @throws GatewayError `output_expired`
 */
export async function sendResult(
  reply: FastifyReply,
  result: { job: Job; resource: JobResource; stats: RunStats; outputs: Outputs },
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
  const [first, ...others] = images
  const firstStream = first === undefined ? undefined : await openOutput(outputs, job, first)
  const length = images.reduce((total, image) => total + base64Length(image.sizeBytes) + 3, Buffer.byteLength(head) + 1)
  reply.header('content-length', String(length))
  const body = Readable.from(
    writeResult(head, firstStream, others, (image) => openOutput(outputs, job, image)),
    { objectMode: false },
  )
  // Of a caller who is gone before the first byte nothing is ever asked.
  body.once('close', () => firstStream?.destroy())
  reply.send(body)
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

async function openOutput(outputs: Outputs, job: Job, image: JobOutput): Promise<Readable> {
  const stream = await outputs.open(job.id, image.index)
  if (stream === undefined) throw expiredOutput(job, image)
  return stream
}

async function* writeResult(
  head: string,
  first: Readable | undefined,
  others: readonly JobOutput[],
  open: (image: JobOutput) => Promise<Readable>,
): AsyncGenerator<Buffer> {
  yield Buffer.from(`${head}"`)
  if (first !== undefined) yield* encodeBase64(first)
  for (const image of others) {
    // At once: outputs of a job that is being read are not removed, and what is sent first may wait for long.
    const stream = await open(image)
    try {
      yield Buffer.from('","')
      yield* encodeBase64(stream)
    } finally {
      stream.destroy()
    }
  }
  yield Buffer.from('"]}')
}
