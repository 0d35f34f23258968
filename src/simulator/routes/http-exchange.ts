import type { IncomingMessage, ServerResponse } from 'node:http'
import { parsePythonRequest, pythonJson } from '../../comfyui/wire/python-json.ts'

/** One request with what the routes need of it. */
export interface HttpExchange {
  request: IncomingMessage
  response: ServerResponse
  /** Without the `/api` prefix. */
  path: string
  query: URLSearchParams
  /** Parts of the path that the route left open. */
  params: readonly string[]
}

export type RouteHandler = (exchange: HttpExchange) => void | Promise<void>

/** A request that is answered with a bare status. */
export class HttpStatusError extends Error {
  readonly status: number

  constructor(status: number, message = '') {
    super(message)
    this.status = status
  }
}

/** What the server says when it stumbles over a request. */
export const serverTrouble = '500 Internal Server Error\n\nServer got itself in trouble'

/** Bytes of a request body that the server takes; it says so in `/features`. */
export const maxUploadBytes = 104_857_600

/** @throws HttpStatusError 413 when it is too large */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    const bytes: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
    size += bytes.length
    if (size > maxUploadBytes) {
      throw new HttpStatusError(413, `Maximum request body size ${maxUploadBytes} exceeded, actual body size ${size}`)
    }
    chunks.push(bytes)
  }
  const [only] = chunks
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
}

/** The body as JSON, whatever its content type says. @throws SyntaxError */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  return parsePythonRequest((await readBody(request)).toString())
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendJsonText(response, status, pythonJson(value))
}

export function sendJsonText(response: ServerResponse, status: number, json: string): void {
  const body = Buffer.from(json)
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': body.length })
  response.end(body)
}

/** Answers with these bytes; `Content-Length` is theirs. */
export type SendBytes = (
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  bytes: Buffer,
) => void | Promise<void>

export const sendBytes: SendBytes = (response, status, headers, bytes) => {
  response.writeHead(status, { ...headers, 'Content-Length': bytes.length })
  response.end(bytes)
}

export function sendEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'Content-Length': 0 })
  response.end()
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  const body = Buffer.from(text)
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': body.length })
  response.end(body)
}
