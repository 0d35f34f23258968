import { z } from 'zod'
import { errorCatalogue, type ErrorCode } from '../../errors/error-catalogue.ts'
import { problemContentType, problemSchema } from '../schemas/problem.ts'

interface DocumentedResponse<Schema extends z.ZodType> {
  readonly description: string
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>
}

export function jsonResponse<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } }
}

export function textResponse(description: string, contentType: string): DocumentedResponse<z.ZodString> {
  return { description, content: { [contentType]: { schema: z.string() } } }
}

export function binaryResponse(description: string, contentType: string): DocumentedResponse<z.ZodString> {
  const schema = z.string().meta({ contentMediaType: 'application/octet-stream' })
  return { description, content: { [contentType]: { schema } } }
}

/** Errors every route can answer with. */
export const commonErrors = ['unauthorized', 'host_not_allowed', 'internal_error'] as const satisfies ErrorCode[]

/** What a route's error answers are, by status: the given codes and those every route has. */
export function errorResponses(
  ...codes: readonly ErrorCode[]
): Record<number, DocumentedResponse<typeof problemSchema>> {
  return Object.fromEntries(
    [...describeErrors([...codes, ...commonErrors])].map(([status, description]) => [
      status,
      { description, content: { [problemContentType]: { schema: problemSchema } } },
    ]),
  )
}

/** Status → the codes that have it, with their titles. */
export function describeErrors(codes: readonly ErrorCode[]): Map<number, string> {
  const byStatus = Map.groupBy(new Set(codes), (code) => errorCatalogue[code].status)
  return new Map(
    [...byStatus].map(([status, group]) => [
      status,
      group.map((code) => `\`${code}\`: ${errorCatalogue[code].title}.`).join('\n\n'),
    ]),
  )
}
