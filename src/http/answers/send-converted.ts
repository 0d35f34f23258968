import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Job } from '../../jobs/job.ts'
import { maxImageBytes, type ImageConverter } from '../../outputs/image-converter.ts'
import type { JobOutput } from '../../outputs/job-output.ts'
import type { OutputStore } from '../../outputs/output-store.ts'
import type { ImageFormat } from './choose-form.ts'
import { contentDisposition } from './content-disposition.ts'
import { expiredOutput, outputEtag, sandboxHeaders } from './send-output.ts'

export interface ConversionTools {
  readonly outputs: Pick<OutputStore, 'read' | 'open'>
  readonly images: Pick<ImageConverter, 'requireAvailable' | 'convert'>
}

/** How long somebody waits until the images of others are converted. */
const maxTurnWaitMs = 60_000

/** Names an image as it is sent in another format, quoted. Weak where it is sent: another converter makes other bytes. */
export function convertedEtag(job: Job, index: number, format: ImageFormat): string {
  return `${outputEtag(job, index).slice(0, -1)}.${format}"`
}

/**
 * Answers with an image in another format than it is stored in. What is stored stays as it is. Nothing is sent when it
 * throws. A caller who goes away before their turn comes costs no conversion.
 * @throws GatewayError `conversion_failed`, `conversion_unavailable`, `output_expired`, `overloaded`,
 * `client_closed_request`
 */
export async function sendConverted(
  reply: FastifyReply,
  image: { method: string; job: Job; output: JobOutput; format: ImageFormat; headers?: Record<string, string> },
  { outputs, images }: ConversionTools,
): Promise<void> {
  const { method, job, output, format } = image
  const headers = {
    ...image.headers,
    'content-type': `image/${format}`,
    etag: `W/${convertedEtag(job, output.index, format)}`,
    'content-disposition': contentDisposition(`image/${format}`, renamed(output.filename, format)),
    ...sandboxHeaders,
  }
  if (method === 'HEAD') {
    await images.requireAvailable()
    const stream = await outputs.open(job.id, output.index)
    if (stream === undefined) throw expiredOutput(job, output)
    stream.destroy()
    reply.headers(headers).send()
    return
  }
  const read = () => readImage(job, output, outputs)
  const { bytes } = await whileWanted(reply.raw, maxTurnWaitMs, (signal) => images.convert(read, { format }, signal))
  reply.headers(headers).send(bytes)
}

async function readImage(job: Job, output: JobOutput, outputs: ConversionTools['outputs']): Promise<Buffer> {
  if (output.sizeBytes > maxImageBytes) {
    throw new GatewayError('conversion_failed', {
      detail: `${output.filename} has more than the ${maxImageBytes} bytes that are converted.`,
    })
  }
  const bytes = output.isPassedOn === true ? undefined : await outputs.read(job.id, output.index)
  if (bytes === undefined) throw expiredOutput(job, output)
  return bytes
}

/** Does work whose signal tells when nobody wants it any more, or when it has waited for too long. */
export async function whileWanted<Result>(
  response: ServerResponse,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  const leave = () => controller.abort(new GatewayError('client_closed_request'))
  const giveUp = () =>
    controller.abort(
      new GatewayError('overloaded', { detail: 'Too many images are being converted.', retryAfterSeconds: 10 }),
    )
  if (response.closed || response.req.socket.destroyed) leave()
  response.once('close', leave)
  const timer = setTimeout(giveUp, timeoutMs)
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    response.removeListener('close', leave)
  }
}

function renamed(filename: string, format: ImageFormat): string {
  const dot = filename.lastIndexOf('.')
  return `${dot < 1 ? filename : filename.slice(0, dot)}.${format === 'jpeg' ? 'jpg' : format}`
}
