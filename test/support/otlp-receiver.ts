import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { z } from 'zod'

const valueSchema = z
  .object({ stringValue: z.string(), intValue: z.union([z.number(), z.string()]), boolValue: z.boolean() })
  .partial()
  .transform(
    ({ stringValue, intValue, boolValue }) => stringValue ?? (intValue === undefined ? boolValue : Number(intValue)),
  )
const attributesSchema = z
  .array(z.object({ key: z.string(), value: valueSchema }))
  .default([])
  .transform((all) => Object.fromEntries(all.map(({ key, value }) => [key, value])))

const spanSchema = z
  .object({
    traceId: z.string(),
    spanId: z.string(),
    parentSpanId: z.string().optional(),
    name: z.string(),
    kind: z.number(),
    startTimeUnixNano: z.coerce.bigint(),
    endTimeUnixNano: z.coerce.bigint(),
    attributes: attributesSchema,
    status: z.object({ code: z.number().default(0), message: z.string().optional() }).default({ code: 0 }),
  })
  .readonly()
export type ReceivedSpan = z.infer<typeof spanSchema>

const requestSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
})

/** Takes spans as a collector does, by OTLP as JSON over HTTP. */
export class OtlpReceiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = []
  readonly resources: Readonly<Record<string, unknown>>[] = []
  readonly requests: { path: string; headers: IncomingHttpHeaders }[] = []
  readonly #server = createServer((request, response) => {
    json(request).then(
      (body) => {
        this.requests.push({ path: request.url ?? '', headers: request.headers })
        for (const { resource, scopeSpans } of requestSchema.parse(body).resourceSpans) {
          this.resources.push(resource.attributes)
          for (const { spans } of scopeSpans) this.spans.push(...spans)
        }
        response.setHeader('content-type', 'application/json').end('{}')
      },
      () => response.destroy(),
    )
  })

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The only span of this name. */
  span(name: string): ReceivedSpan {
    const [span, another] = this.spans.filter((candidate) => candidate.name === name)
    if (span === undefined || another !== undefined) {
      throw new Error(`not one span ${name}, but: ${this.spans.map((one) => one.name).join(', ')}`)
    }
    return span
  }

  /** Names of the spans right below a span. */
  below(parent: ReceivedSpan): string[] {
    return this.spans
      .filter(({ parentSpanId }) => parentSpanId === parent.spanId)
      .map(({ name }) => name)
      .toSorted()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}
