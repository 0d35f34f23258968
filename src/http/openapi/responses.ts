import { z } from 'zod'
import { errorCatalogue, type ErrorCode } from '../../errors/error-catalogue.ts'
import { jobEventsExample } from './event-stream.ts'
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

/** Server-sent events, with what some of them look like. */
export function eventStreamResponse(description: string, example: string): DocumentedResponse<z.ZodString> {
  return { description, content: { 'text/event-stream': { schema: z.string().meta({ examples: [example] }) } } }
}

/** What a route that waits for a job answers: as JSON, as its first output, or as events. */
export function outcomeResponse<Schema extends z.ZodType>(description: string, schema: Schema) {
  const bytes = z.string().meta({ contentMediaType: 'application/octet-stream' })
  const events = z.string().meta({ examples: [jobEventsExample] })
  return {
    description,
    content: {
      'application/json': { schema },
      'image/*': { schema: bytes },
      'video/*': { schema: bytes },
      'audio/*': { schema: bytes },
      'text/event-stream': { schema: events },
    },
  }
}

/** The answer that makes a WebSocket of a connection, with what its text frames hold. */
export function socketResponse<Schema extends z.ZodType>(schema: Schema): DocumentedResponse<Schema> {
  return {
    description: 'The connection is a WebSocket. Each text frame is one event as JSON.',
    content: { 'application/json': { schema } },
  }
}

/** What holds for every WebSocket of this server. */
export const socketDescription =
  'Each text frame is `{ "id", "event", "data" }`. The socket is closed with 1000 after the last event, with 1012 when ' +
  'the server stops, and with 1013 when the client reads too slowly; come back with `last_event_id` after the latter ' +
  'two. Nothing is read: a client that sends a message is closed. Where no header can be set, as in a browser, the key ' +
  'goes into the list of subprotocols: `new WebSocket(url, ["comfyui-api", "comfyui-api.key." + key])`, the key as ' +
  'base64url without padding.'

/** Errors every route can answer with. */
export const commonErrors = [
  'malformed_request',
  'unauthorized',
  'host_not_allowed',
  'internal_error',
  'draining',
] as const satisfies ErrorCode[]

/** What a route that changes something can answer besides, even where it takes no body: one that comes is read. */
export const changeErrors = [
  'origin_not_allowed',
  'malformed_body',
  'too_complex',
  'body_too_large',
  'unsupported_media_type',
] as const satisfies ErrorCode[]

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
