import type { FastifyReply } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { JobOutput } from '../../outputs/job-output.ts'
import type { ByteRange, OutputStore } from '../../outputs/output-store.ts'
import { outputId } from '../schemas/job.ts'
import { contentDisposition } from './content-disposition.ts'

/** Outputs up to this size are read at once: cheaper than a stream. */
const maxReadBytes = 262_144

export function outputEtag(jobId: string, index: number): string {
  return `"${outputId(jobId, index)}"`
}

/** Headers that go with the bytes of an output. Nothing in it may run in a browser with the rights of this server. */
function outputHeaders(jobId: string, output: JobOutput): Record<string, string> {
  return {
    'content-type': output.contentType,
    etag: outputEtag(jobId, output.index),
    'content-disposition': contentDisposition(output.contentType, output.filename),
    'content-security-policy': "sandbox; default-src 'none'",
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
    jobId: string
    output: JobOutput
    range?: ByteRange
  },
): Promise<void> {
  const { method, outputs, jobId, output, range } = source
  const sizeBytes = range === undefined ? output.sizeBytes : range.end - range.start + 1
  const headers = { ...outputHeaders(jobId, output), 'content-length': String(sizeBytes) }
  if (method === 'HEAD') {
    reply.headers(headers).send()
    return
  }
  const bytes =
    range === undefined && sizeBytes <= maxReadBytes
      ? await outputs.read(jobId, output.index)
      : await outputs.open(jobId, output.index, range)
  if (bytes === undefined) throw new GatewayError('output_expired')
  reply.headers(headers).send(bytes)
}
