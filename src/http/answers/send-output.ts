import type { FastifyReply } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isMintedJobId, type Job } from '../../jobs/job.ts'
import type { JobOutput } from '../../outputs/job-output.ts'
import type { ByteRange, OutputStore } from '../../outputs/output-store.ts'
import type { Links } from '../links.ts'
import { outputId } from '../schemas/job.ts'
import { contentDisposition } from './content-disposition.ts'

/** Outputs up to this size are read at once: cheaper than a stream. */
const maxReadBytes = 262_144

/** Whether an address of an output will never have other bytes: an id that a caller chose can be chosen again. */
export function isImmutable(job: Pick<Job, 'id'>): boolean {
  return isMintedJobId(job.id)
}

export function outputEtag(job: Job, index: number): string {
  const id = outputId(job.id, index)
  return isImmutable(job) ? `"${id}"` : `"${id}.${job.times.createdAtMs.toString(36)}"`
}

/** Nothing in bytes of others may run in a browser with the rights of this server. */
export const sandboxHeaders = { 'content-security-policy': "sandbox; default-src 'none'" }

/** What has to be known of an output to send its bytes. */
type SentOutput = Pick<JobOutput, 'index' | 'contentType' | 'filename'>

/** Headers of an answer to the request that ran a job, when it is one of the outputs. */
export function rawHeaders(of: {
  job: Job
  output: SentOutput
  outputCount: number
  links: Links
}): Record<string, string> {
  const { job, output, links } = of
  return {
    'content-location': links.output(job.id, output.index),
    ...outcomeHeaders(of),
    ...outputHeaders(job, output),
  }
}

/** Headers of such an answer that do not depend on the form of the output. */
export function outcomeHeaders(of: { job: Job; outputCount: number; links: Links }): Record<string, string> {
  const { job, outputCount, links } = of
  return { 'output-count': String(outputCount), link: `<${links.job(job.id)}>; rel="describedby"` }
}

/** Headers that go with the bytes of an output. */
function outputHeaders(job: Job, output: SentOutput): Record<string, string> {
  return {
    'content-type': output.contentType,
    etag: outputEtag(job, output.index),
    'content-disposition': contentDisposition(output.contentType, output.filename),
    ...sandboxHeaders,
  }
}

/**
 * Answers with an output, or a part of it.
 * @throws GatewayError `output_expired`
 */
export async function sendOutput(
  reply: FastifyReply,
  source: {
    method: string
    outputs: Pick<OutputStore, 'read' | 'open'>
    job: Job
    output: JobOutput
    range?: ByteRange
    /** The whole output, where it is in memory. */
    bytes?: Buffer | undefined
  },
): Promise<void> {
  const { method, outputs, job, output, range } = source
  const sizeBytes = range === undefined ? output.sizeBytes : range.end - range.start + 1
  const headers = { ...outputHeaders(job, output), 'content-length': String(sizeBytes) }
  if (output.isPassedOn === true) throw expiredOutput(job, output)
  if (method === 'HEAD') {
    const stream = await outputs.open(job.id, output.index)
    if (stream === undefined) throw expiredOutput(job, output)
    stream.destroy()
    reply.headers(headers).send()
    return
  }
  const bytes =
    source.bytes ??
    (range === undefined && sizeBytes <= maxReadBytes
      ? await outputs.read(job.id, output.index)
      : await outputs.open(job.id, output.index, range))
  if (bytes === undefined) throw expiredOutput(job, output)
  reply.headers(headers).send(bytes)
}

/** For bytes that are not there, of a job that is. */
export function expiredOutput({ id }: Pick<Job, 'id'>, { index, isPassedOn = false }: JobOutput): GatewayError {
  const why = isPassedOn
    ? 'was sent to the caller who ran the job, and was not kept: the server runs with --outputs stream'
    : 'is not kept any more'
  return new GatewayError('output_expired', {
    detail: `Output ${index} ${why}. POST /jobs/${id}/retry runs the job again.`,
  })
}
