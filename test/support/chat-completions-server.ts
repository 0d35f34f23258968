import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as readToEnd } from 'node:stream/consumers'
import { z } from 'zod'

const requestSchema = z.strictObject({
  model: z.string(),
  messages: z.array(z.strictObject({ role: z.enum(['user', 'assistant']), content: z.string() })).min(1),
  response_format: z
    .strictObject({
      type: z.literal('json_schema'),
      json_schema: z.strictObject({ name: z.string(), strict: z.literal(true), schema: z.looseObject({}) }),
    })
    .optional(),
})

/** A request for a completion as it came. */
export interface SeenCompletion {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: z.infer<typeof requestSchema>
}

export type CompletionAnswer =
  /** What the model says: JSON of it, or a text as it is. */
  | { readonly says: unknown; readonly finishReason?: string; readonly refusal?: string; readonly model?: string }
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  | 'never'
  | 'hang up'
  /** Without an end. */
  | 'huge'

export interface ChatCompletions {
  /** As `--llm-base-url` takes it. */
  readonly url: string
  readonly seen: readonly SeenCompletion[]
  close(): Promise<void>
}

/** Tokens and cost of every answer. */
export const usageOfAnswer = { prompt_tokens: 1200, completion_tokens: 34, total_tokens: 1234, cost: 0.0015 }

/**
 * A service for language models on this machine, which takes what OpenAI's API takes and nothing else.
 * @param answers one for each request; the last one for all that follow
 */
export async function startChatCompletions(...answers: readonly CompletionAnswer[]): Promise<ChatCompletions> {
  const seen: SeenCompletion[] = []
  const server = createServer((request, response) => void take(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1`,
    seen,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = requestSchema.safeParse(JSON.parse(await readToEnd(request)))
    if (!body.success || request.method !== 'POST') {
      response.writeHead(418).end(z.prettifyError(body.error ?? new z.ZodError([])))
      return
    }
    seen.push({ path: request.url ?? '', headers: request.headers, body: body.data })
    give(answers[seen.length - 1] ?? answers.at(-1) ?? 'hang up', response, body.data.model)
  }
}

function give(answer: CompletionAnswer, response: ServerResponse, model: string): void {
  if (answer === 'never') return
  if (answer === 'hang up') {
    response.socket?.destroy()
    return
  }
  if (answer === 'huge') {
    response.writeHead(200, { 'content-type': 'application/json' })
    const more = () => {
      while (!response.destroyed && response.write(' '.repeat(65_536)));
    }
    response.on('drain', more)
    more()
    return
  }
  if ('status' in answer) {
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(answer.body)
    return
  }
  const content = typeof answer.says === 'string' ? answer.says : JSON.stringify(answer.says)
  const message = { role: 'assistant', content, refusal: answer.refusal ?? null }
  const choice = { index: 0, message, finish_reason: answer.finishReason ?? 'stop' }
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(
    JSON.stringify({
      id: 'gen-1',
      object: 'chat.completion',
      created: 1,
      model: answer.model ?? model,
      choices: [choice],
      usage: usageOfAnswer,
    }),
  )
}
