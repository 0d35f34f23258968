import type { FastifyReply } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { Job } from '../../jobs/job.ts'
import { isConvertible } from '../../outputs/image-converter.ts'
import type { JobOutput } from '../../outputs/job-output.ts'
import type { OutputStore } from '../../outputs/output-store.ts'
import { answerUnchanged } from '../answers/answer-unchanged.ts'
import { choosePart, partHeadersSchema } from '../answers/choose-part.ts'
import { formatInstead, type ImageFormat } from '../answers/choose-form.ts'
import { convertedEtag, sendConverted, type ConversionTools } from '../answers/send-converted.ts'
import { isImmutable, outputEtag, sendOutput } from '../answers/send-output.ts'
import { varyBy } from '../answers/vary-by.ts'
import { decidePreconditions } from '../negotiation/preconditions.ts'
import { binaryResponse, errorResponses } from '../openapi/responses.ts'
import { requireJob } from './jobs.ts'

export interface JobOutputRoutesOptions {
  readonly jobs: Pick<Jobs, 'get'>
  readonly outputs: Pick<OutputStore, 'read' | 'open'>
  readonly images: ConversionTools['images']
}

const paramsSchema = z.object({
  id: z.string().describe('Id of the job.'),
  index: z.string().describe('Index of the output, from 0.'),
})

const url = '/jobs/:id/outputs/:index'

const schema = {
  operationId: 'getJobOutput',
  tags: ['outputs'],
  summary: 'Get the bytes of an output',
  description:
    'As they are stored, unless `Accept` has no room for the type of an image but names `image/webp`, `image/jpeg`, ' +
    '`image/avif` or `image/png`: then the image is converted, as a whole.',
  params: paramsSchema,
  headers: partHeadersSchema,
  response: {
    200: binaryResponse('The whole output, in its own content type', '*/*'),
    206: binaryResponse('The bytes asked for', '*/*'),
    304: z.null().describe('The output is the one in `If-None-Match`.'),
    ...errorResponses(
      'job_not_found',
      'output_not_found',
      'output_expired',
      'precondition_failed',
      'range_not_satisfiable',
      'not_acceptable',
      'conversion_failed',
      'overloaded',
    ),
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
  request: { method: string; params: z.infer<typeof paramsSchema>; headers: z.infer<typeof partHeadersSchema> },
  reply: FastifyReply,
  { jobs, outputs, images }: JobOutputRoutesOptions,
): Promise<void> {
  const { id, index } = request.params
  const job = requireJob(jobs, id)
  const output = requireOutput(job.outputs, index)
  const etag = outputEtag(job, output.index)
  const caching = isImmutable(job) ? 'max-age=31536000, immutable' : 'no-cache'
  reply.header('cache-control', `private, ${caching}`)
  if (isConvertible(output.contentType)) varyBy(reply, 'Accept')
  const format = formatInstead(reply.request.headers.accept, output.contentType)
  if (format !== undefined) return answerConverted(request, reply, { job, output, format }, { outputs, images })
  const { sizeBytes } = output
  const modifiedAtMs = job.times.completedAtMs
  const part = choosePart(request, reply, { etag, sizeBytes, modifiedAtMs, what: 'The output' })
  if (part.kind === 'unchanged') return
  const { method } = request
  return sendOutput(reply, { method, outputs, job, output, ...(part.kind === 'part' && { range: part.range }) })
}

async function answerConverted(
  { method, headers }: { method: string; headers: z.infer<typeof partHeadersSchema> },
  reply: FastifyReply,
  image: { job: Job; output: JobOutput; format: ImageFormat },
  tools: ConversionTools,
): Promise<void> {
  const etag = convertedEtag(image.job, image.output.index, image.format)
  reply.header('accept-ranges', 'none')
  const outcome = decidePreconditions(headers, { etag })
  if (outcome === 'failed') throw new GatewayError('precondition_failed', { detail: 'The output is another one.' })
  if (outcome === 'unchanged') {
    answerUnchanged(reply, `W/${etag}`)
    return
  }
  try {
    await sendConverted(reply, { ...image, method }, tools)
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'conversion_unavailable') throw error
    const detail = `The output is ${image.output.contentType}. ${error.detail}`
    throw new GatewayError('not_acceptable', { detail, cause: error })
  }
}

function requireOutput(outputs: readonly JobOutput[], index: string): JobOutput {
  const output = /^(?:0|[1-9]\d{0,5})$/.test(index) ? outputs[Number(index)] : undefined
  if (output !== undefined) return output
  const known = outputs.length === 0 ? 'The job has no outputs.' : `The job has outputs 0 to ${outputs.length - 1}.`
  throw new GatewayError('output_not_found', { detail: known })
}
