import type { FastifyReply } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { JobOutput } from '../../outputs/job-output.ts'
import type { OutputStore } from '../../outputs/output-store.ts'
import { isImmutable, outputEtag, sendOutput } from '../answers/send-output.ts'
import { decideRange, matchesEtag, type RangeDecision } from '../negotiation/byte-range.ts'
import { binaryResponse, errorResponses } from '../openapi/responses.ts'
import { requireJob } from './jobs.ts'

export interface JobOutputRoutesOptions {
  readonly jobs: Pick<Jobs, 'get'>
  readonly outputs: Pick<OutputStore, 'read' | 'open'>
}

const paramsSchema = z.object({
  id: z.string().describe('Id of the job.'),
  index: z.string().describe('Index of the output, from 0.'),
})

const headersSchema = z.looseObject({
  range: z.string().optional().describe('One range of bytes, such as `bytes=0-1023`.'),
  'if-range': z.string().optional().describe('An `ETag`: the range counts while the output is that one.'),
  'if-none-match': z.string().optional().describe('An `ETag`: 304 while the output is that one.'),
})

const url = '/jobs/:id/outputs/:index'

const schema = {
  operationId: 'getJobOutput',
  tags: ['outputs'],
  summary: 'Get the bytes of an output',
  params: paramsSchema,
  headers: headersSchema,
  response: {
    200: binaryResponse('The whole output, in its own content type', '*/*'),
    206: binaryResponse('The bytes asked for', '*/*'),
    304: z.null().describe('The output is the one in `If-None-Match`.'),
    ...errorResponses('job_not_found', 'output_not_found', 'output_expired', 'range_not_satisfiable'),
  },
}

/** `GET` and `HEAD /jobs/{id}/outputs/{index}`: outputs never change, so caches may keep them for ever. */
export const jobOutputRoutes: FastifyPluginAsyncZod<JobOutputRoutesOptions> = async (app, options) => {
  app.get(url, { exposeHeadRoute: false, schema }, async (request, reply) => {
    await answer(request, reply, options)
    return reply
  })
  app.head(url, { schema }, async (request, reply) => {
    await answer(request, reply, options)
    return reply
  })
}

async function answer(
  request: { method: string; params: z.infer<typeof paramsSchema>; headers: z.infer<typeof headersSchema> },
  reply: FastifyReply,
  { jobs, outputs }: JobOutputRoutesOptions,
): Promise<void> {
  const { id, index } = request.params
  const job = requireJob(jobs, id)
  const output = requireOutput(job.outputs, index)
  const etag = outputEtag(job, output.index)
  const caching = isImmutable(job) ? 'max-age=31536000, immutable' : 'no-cache'
  reply.header('accept-ranges', 'bytes').header('cache-control', `private, ${caching}`)
  if (matchesEtag(request.headers['if-none-match'], etag)) {
    reply.code(304).header('etag', etag).send(null)
    return
  }
  const decision = rangeOf(request.method, request.headers, output, etag)
  if (decision.kind === 'outside') throw outsideOf(output)
  if (decision.kind === 'whole') return sendOutput(reply, { method: request.method, outputs, job, output })
  const { start, end } = decision.range
  reply.code(206).header('content-range', `bytes ${start}-${end}/${output.sizeBytes}`)
  return sendOutput(reply, { method: request.method, outputs, job, output, range: decision.range })
}

function requireOutput(outputs: readonly JobOutput[], index: string): JobOutput {
  const output = /^(?:0|[1-9]\d{0,5})$/.test(index) ? outputs[Number(index)] : undefined
  if (output !== undefined) return output
  const known = outputs.length === 0 ? 'The job has no outputs.' : `The job has outputs 0 to ${outputs.length - 1}.`
  throw new GatewayError('output_not_found', { detail: known })
}

type RangeHeaders = z.infer<typeof headersSchema>

/** A range counts for GET only, and with `If-Range` only while the output is the one the caller has a part of. */
function rangeOf(method: string, headers: RangeHeaders, output: JobOutput, etag: string): RangeDecision {
  const condition = headers['if-range']
  if (method !== 'GET' || (condition !== undefined && condition.trim() !== etag)) return { kind: 'whole' }
  return decideRange(headers.range, output.sizeBytes)
}

function outsideOf(output: JobOutput): GatewayError {
  return new GatewayError('range_not_satisfiable', {
    detail: `The output has ${output.sizeBytes} bytes.`,
    headers: { 'content-range': `bytes */${output.sizeBytes}` },
  })
}
