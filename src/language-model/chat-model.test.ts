import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import {
  startChatCompletions,
  usageOfAnswer,
  type ChatCompletions,
  type CompletionAnswer,
} from '../../test/support/chat-completions-server.ts'
import { createChatModel, type ChatModel, type ChatService } from './chat-model.ts'
import { LanguageModelError } from './language-model-error.ts'

const apiKey = 'sk-or-a-key-that-nobody-sees'
const form = { name: 'answer', schema: { type: 'object' } }
const question = [{ role: 'user', content: 'What is it?' }] as const

const open: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

interface Started {
  readonly model: ChatModel
  readonly server: ChatCompletions
  /** The pauses that were made. */
  readonly pauses: readonly number[]
}

async function start(answers: readonly CompletionAnswer[], more: Partial<ChatService> = {}): Promise<Started> {
  const server = await startChatCompletions(...answers)
  const pauses: number[] = []
  const model = createChatModel({
    baseUrl: server.url,
    apiKey,
    model: 'maker/small',
    wait: async (ms) => pauses.push(ms),
    ...more,
  })
  open.push(model, server)
  return { model, server, pauses }
}

async function failureOf({ model }: Pick<Started, 'model'>): Promise<LanguageModelError> {
  const error: unknown = await model.ask(question, form).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof LanguageModelError)) throw new Error(`no failure of the service: ${String(error)}`)
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(apiKey)
  return error
}

describe('a language model', () => {
  test('is asked for an answer in a form, with the key, and says what it used', async () => {
    const { model, server } = await start([{ says: 'It is a fox', model: 'maker/small-2' }])
    expect(await model.ask(question, form)).toBe('It is a fox')
    expect(server.seen).toHaveLength(1)
    expect(server.seen[0]).toMatchObject({
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: {
        model: 'maker/small',
        messages: question,
        response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: form.schema } },
      },
    })
    expect(model.id).toBe('maker/small-2')
    expect(model.usage).toEqual({
      requests: 1,
      promptTokens: usageOfAnswer.prompt_tokens,
      completionTokens: usageOfAnswer.completion_tokens,
      cost: usageOfAnswer.cost,
    })
  })

  test('is asked without the form where the service knows none, and from then on', async () => {
    const { model, server } = await start([
      { status: 400, body: '{"error":{"message":"no response_format"}}' },
      { says: 'a' },
    ])
    expect(await model.ask(question, form)).toBe('a')
    expect(await model.ask(question, form)).toBe('a')
    expect(server.seen.map(({ body }) => body.response_format !== undefined)).toEqual([true, false, false])
  })

  test.each<[string, CompletionAnswer, number]>([
    ['busy, and says when it is not', { status: 429, headers: { 'retry-after': '7' } }, 7000],
    ['busy until a date that is over', { status: 503, headers: { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' } }, 0],
    ['failing', { status: 500, body: 'oops' }, 1000],
    ['failing while it answers', { status: 200, body: '{"error":{"code":502,"message":"upstream"}}' }, 1000],
  ])('is asked again where the service is %s', async (_, answer, pauseMs) => {
    const { model, server, pauses } = await start([answer, { says: 'at last' }])
    expect(await model.ask(question, form)).toBe('at last')
    expect(server.seen).toHaveLength(2)
    expect(pauses).toEqual([pauseMs])
  })

  test('is asked three times at most', async () => {
    const started = await start([{ status: 429, body: `{"error":{"message":"slow down\\n${apiKey}"}}` }])
    const error = await failureOf(started)
    expect(error.fault).toBe('busy')
    expect(error.message).toMatch(/takes no more requests for now \(429\)\. It says: slow down \*\*\*$/)
    expect(started.server.seen).toHaveLength(3)
    expect(started.pauses).toEqual([1000, 2000])
  })

  test('is not waited for beyond the time for everything', async () => {
    const started = await start([{ status: 429, headers: { 'retry-after': '3600' } }], { totalTimeoutMs: 60_000 })
    expect((await failureOf(started)).fault).toBe('busy')
    expect(started.server.seen).toHaveLength(1)
    expect(started.pauses).toEqual([])
  })

  test.each<[string, CompletionAnswer, string, RegExp]>([
    ['a wrong key', { status: 401 }, 'wrong_key', /does not take the key \(401\)\. Is OPENROUTER_API_KEY right\?/],
    ['no credit', { status: 402 }, 'no_credit', /no credit left/],
    ['moderation', { status: 403 }, 'refused', /by moderation/],
    [
      'an unknown model',
      { status: 404 },
      'unknown_model',
      /has no model maker\/small, .* --llm-model or --llm-base-url/,
    ],
    ['a request that is wrong', { status: 413 }, 'failed', /answers 413\.$/],
    [
      'a redirect',
      { status: 307, headers: { location: '/elsewhere' } },
      'redirect',
      /redirect \(307\), which is not followed/,
    ],
    ['no JSON', { status: 200, body: '<html>' }, 'bad_answer', /does not answer as chat completions do/],
    ['JSON of another kind', { status: 200, body: '[]' }, 'bad_answer', /does not answer as chat completions do/],
    ['an answer without choices', { status: 200, body: '{}' }, 'bad_answer', /answered with no text/],
    ['an empty text', { says: ' ' }, 'bad_answer', /answered with no text/],
    ['a filter', { says: '', finishReason: 'content_filter' }, 'refused', /refused to answer, or a filter/],
    ['a refusal', { says: '', refusal: 'I cannot' }, 'refused', /maker\/small refused to answer/],
    ['half an answer', { says: '{"summary', finishReason: 'length' }, 'bad_answer', /cut off before the end/],
    ['an answer without an end', 'huge', 'too_large', /more than 100000 bytes/],
    ['a connection that breaks', 'hang up', 'unreachable', /cannot be reached: /],
  ])('fails by name for %s', async (_, answer, fault, message) => {
    const started = await start([answer], { maxAnswerBytes: 100_000 })
    const error = await failureOf(started)
    expect(error.fault).toBe(fault)
    expect(error.message).toMatch(message)
    expect(started.server.seen).toHaveLength(1)
  })

  test('fails for an answer that does not come in time', async () => {
    const error = await failureOf(await start(['never'], { requestTimeoutMs: 30 }))
    expect(error.fault).toBe('timeout')
    expect(error.message).toMatch(/^127\.0\.0\.1:\d+ did not answer within 1 s\.$/)
  })

  test('fails where the time for everything is over, without another request', async () => {
    const started = await start([{ says: 'a' }], { totalTimeoutMs: 0 })
    expect((await failureOf(started)).fault).toBe('timeout')
    expect(started.server.seen).toEqual([])
  })

  test('fails where nobody listens', async () => {
    const { server, model } = await start([])
    await server.close()
    open.splice(1)
    const error = await failureOf({ model })
    expect(error.fault).toBe('unreachable')
    expect(error.message).toContain('ECONNREFUSED')
  })
})
