import { z } from 'zod'
import { errorCatalogue, errorCodes, type ErrorCode } from '../../errors/error-catalogue.ts'
import { dottedName } from '../../lib/json-pointer.ts'
import type { FailedNode, FieldError, GatewayError } from '../../errors/gateway-error.ts'

export const fieldErrorSchema = z.object({
  pointer: z
    .string()
    .optional()
    .describe('JSON pointer into the parameters, such as `/width`. Absent where no parameter is behind it.'),
  code: z.string().describe('Machine-readable reason, such as `unknown_parameter`.'),
  message: z.string().describe('What is wrong and what would be right.'),
  node: z
    .object({ id: z.string(), class_type: z.string(), input: z.string().optional() })
    .optional()
    .describe('Node and input of the graph, where ComfyUI named them.'),
})

export const failedNodeSchema = z.object({
  id: z.string(),
  class_type: z.string(),
  exception_type: z.string(),
  message: z.string(),
})

/** RFC 9457. */
export const problemSchema = z.object({
  type: z.string().describe('`/problems/` and the code.'),
  title: z.string().describe('The same for every occurrence of the code.'),
  status: z.int().describe('The HTTP status.'),
  detail: z.string().describe('What happened here, and what to do.'),
  instance: z.string().describe('Path of the request.'),
  code: z.enum(errorCodes).describe('Stable, machine-readable.'),
  errors: z.array(fieldErrorSchema).describe('The first hundred.'),
  errors_omitted: z.int().optional().describe('How many there are besides, where these are not all.'),
  request_id: z.string().describe('Also in the header `X-Request-Id` and in the log of the server.'),
  trace_id: z.string().optional().describe('The trace that the caller began with `traceparent`, or the server.'),
  job_id: z.string().optional(),
  node: failedNodeSchema.optional().describe('The node that failed.'),
  retryable: z.boolean().describe('The same request, sent again later and unchanged, may succeed.'),
  error: z.string().describe('The detail again, where clients of other servers look for it.'),
  location: z.string().optional().describe('The first pointer of `errors` again, as a path.'),
})

export type ProblemResource = z.infer<typeof problemSchema>
type FieldErrorResource = z.infer<typeof fieldErrorSchema>

export const problemContentType = 'application/problem+json'

export interface ProblemContext {
  /** Path of the request, without its query. */
  readonly instance: string
  readonly requestId: string
  readonly traceId?: string
  readonly jobId?: string
}

/** A body can be wrong in as many places as it has values. */
const maxErrors = 100

/** What a caller is told of an error. */
export function problemOf(
  error: Pick<GatewayError, 'code' | 'detail' | 'errors' | 'node'>,
  context: ProblemContext,
): ProblemResource {
  const kind = errorCatalogue[error.code]
  const pointer = error.errors[0]?.pointer
  const omitted = Math.max(0, error.errors.length - maxErrors)
  return {
    type: problemType(error.code),
    title: kind.title,
    status: kind.status,
    detail: error.detail,
    instance: context.instance,
    code: error.code,
    errors: error.errors.slice(0, maxErrors).map(toFieldErrorResource),
    ...(omitted > 0 && { errors_omitted: omitted }),
    request_id: context.requestId,
    ...(context.traceId !== undefined && { trace_id: context.traceId }),
    ...(context.jobId !== undefined && { job_id: context.jobId }),
    ...(error.node !== undefined && { node: toFailedNodeResource(error.node) }),
    retryable: kind.retryable,
    error: error.detail,
    ...(pointer !== undefined && { location: dottedName(pointer) }),
  }
}

function problemType(code: ErrorCode): string {
  return `/problems/${code}`
}

export function toFieldErrorResource(error: FieldError): FieldErrorResource {
  return {
    ...(error.pointer !== undefined && { pointer: error.pointer }),
    code: error.code,
    message: error.message,
    ...(error.node !== undefined && {
      node: {
        id: error.node.id,
        class_type: error.node.classType,
        ...(error.node.input !== undefined && { input: error.node.input }),
      },
    }),
  }
}

function toFailedNodeResource(node: FailedNode): z.infer<typeof failedNodeSchema> {
  return { id: node.id, class_type: node.classType, exception_type: node.exceptionType, message: node.message }
}
