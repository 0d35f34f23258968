import { errorCatalogue, type ErrorCode } from '../../errors/error-catalogue.ts'
import { problemOf, type ProblemResource } from '../schemas/problem.ts'
import type { z } from 'zod'
import type { jobDetailSchema, JobResource } from '../schemas/job.ts'
import type { ResultResource } from '../schemas/result.ts'

const id = '0b9c1c5e-3f0e-4c9f-9a43-5d6f3c1a7e21'

export const jobExample: JobResource = {
  id,
  object: 'job',
  status: 'succeeded',
  workflow: 'qwen/qwen_base_txt2img',
  created_at: '2026-01-01T12:00:00.000Z',
  started_at: '2026-01-01T12:00:00.050Z',
  completed_at: '2026-01-01T12:00:08.250Z',
  expires_at: '2026-01-02T12:00:08.250Z',
  queue_position: null,
  expected_at: null,
  progress: null,
  outputs: [
    {
      id: `${id}.0`,
      index: 0,
      node_id: '9',
      name: 'image',
      type: 'image',
      content_type: 'image/png',
      size_bytes: 1_482_133,
      filename: `qwen_base_txt2img-image-${id.slice(0, 8)}.png`,
      metadata: 'kept',
      kept: true,
      intermediate: false,
      url: `/jobs/${id}/outputs/0`,
    },
  ],
  error: null,
  warnings: [],
  metrics: { queue_ms: 50, execution_ms: 8100, total_ms: 8250 },
  instance: '127.0.0.1:8188',
  attempt: 1,
  tags: ['nightly'],
  deadline_at: null,
  retry_of: null,
  request_id: 'c7d1f6f0-6a4e-4f0c-9a57-1f1d9a3b5e11',
  trace_id: null,
  urls: {
    self: `/jobs/${id}`,
    events: `/jobs/${id}/events`,
    cancel: `/jobs/${id}/cancel`,
    retry: `/jobs/${id}/retry`,
    outputs: `/jobs/${id}/outputs`,
  },
}

export const jobDetailExample: z.infer<typeof jobDetailSchema> = {
  ...jobExample,
  input: { prompt: 'a lighthouse at dawn', width: 1024, height: 1024, seed: 4_081_209_355_713 },
}

export const resultExample: ResultResource = {
  ...jobExample,
  filenames: jobExample.outputs.map(({ filename }) => filename),
  stats: {
    comfy_execution: {
      start: 1_767_268_800_050,
      end: 1_767_268_808_150,
      duration: 8100,
      nodes: { '3': { start: 1_767_268_800_900 }, '9': { start: 1_767_268_808_000 } },
    },
    preprocess_time: 2,
    comfy_round_trip_time: 8150,
    postprocess_time: 100,
    upload_time: 0,
    total_time: 8253,
  },
  images: ['iVBORw0KGgo='],
}

export const problemExample: ProblemResource = problemOf(
  {
    code: 'validation_error',
    detail: 'width must be at most 2048',
    errors: [{ pointer: '/width', code: 'too_big', message: 'must be at most 2048' }],
    node: undefined,
  },
  { instance: '/qwen/qwen_base_txt2img', requestId: '5f0c8f0e-54d5-4b57-8f0c-6a1d9a2f0b11' },
)

/** What one of these errors looks like: the mistake of a caller where it is among them, else the first. */
export function problemExampleOf(codes: readonly ErrorCode[]): ProblemResource {
  const [first = 'internal_error'] = codes
  if (codes.includes('validation_error')) return problemExample
  const { instance, request_id: requestId } = problemExample
  const detail = `${errorCatalogue[first].title}.`
  return problemOf({ code: first, detail, errors: [], node: undefined }, { instance, requestId })
}
