import { z } from 'zod'
import { LanguageModelError, type LanguageModelFault } from './language-model-error.ts'
import type { Reply } from './post-json.ts'

/** The parts of an answer that matter; services add others. */
export interface Completion {
  /** Of the model; undefined where it gave none. */
  readonly text: string | undefined
  readonly model: string | undefined
  readonly promptTokens: number
  readonly completionTokens: number
  readonly cost: number | undefined
  /** The model or a filter would not answer. */
  readonly isRefused: boolean
  /** The answer was longer than the service lets it be. */
  readonly isCut: boolean
  /** OpenRouter tells what goes wrong while a model answers with the status 200. */
  readonly error: { readonly status: number | undefined; readonly message: string } | undefined
}

const count = z.number().nonnegative().catch(0)
const errorSchema = z
  .looseObject({ code: z.unknown().optional(), message: z.string().catch('') })
  .nullish()
  .catch(undefined)

const partSchema = z.looseObject({ text: z.string().catch('') })

const choiceSchema = z.looseObject({
  finish_reason: z.string().nullish().catch(undefined),
  message: z
    .looseObject({
      content: z
        .union([z.string(), z.array(partSchema).transform((parts) => parts.map(({ text }) => text).join(''))])
        .nullish()
        .catch(undefined),
      refusal: z.string().nullish().catch(undefined),
    })
    .nullish()
    .catch(undefined),
  error: errorSchema,
})

const completionSchema = z.looseObject({
  model: z
    .string()
    .regex(/^[\w./:@-]{1,100}$/)
    .optional()
    .catch(undefined),
  choices: z.array(choiceSchema).catch([]),
  usage: z
    .looseObject({
      prompt_tokens: count,
      completion_tokens: count,
      cost: z.number().nonnegative().optional().catch(undefined),
    })
    .nullish()
    .catch(undefined),
  error: errorSchema,
})

/** Undefined for what is no answer in this format. */
export function readCompletion({ text }: Reply): Completion | undefined {
  const parsed = completionSchema.safeParse(parse(text))
  if (!parsed.success) return undefined
  const { model, choices, usage, error } = parsed.data
  const [choice] = choices
  const failed = error ?? choice?.error
  const status = Number(failed?.code)
  return {
    text: choice?.message?.content ?? undefined,
    model,
    promptTokens: usage?.prompt_tokens ?? 0,
    completionTokens: usage?.completion_tokens ?? 0,
    cost: usage?.cost,
    isRefused: choice?.finish_reason === 'content_filter' || Boolean(choice?.message?.refusal),
    isCut: choice?.finish_reason === 'length',
    error: failed ? { status: Number.isInteger(status) ? status : undefined, message: failed.message } : undefined,
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export interface Failure {
  readonly error: LanguageModelError
  /** It may be better in a moment. */
  readonly isTemporary: boolean
}

interface Asked {
  readonly host: string
  readonly model: string
  readonly apiKey: string
}

/** What is wrong with an answer; undefined where there is a text in it. */
export function explainFailure(reply: Reply, completion: Completion | undefined, asked: Asked): Failure | undefined {
  const { host, model } = asked
  const said = completion?.error
  const status = reply.status === 200 && said !== undefined ? (said.status ?? 500) : reply.status
  const words = wordsOf(said?.message ?? '', asked.apiKey)
  if (status >= 300 && status < 400)
    return failure('redirect', `${host} answers with a redirect (${status}), which is not followed.`)
  switch (status) {
    case 200:
      return explainText(completion, asked)
    case 401:
      return failure('wrong_key', `${host} does not take the key (401). Is OPENROUTER_API_KEY right?${words}`)
    case 402:
      return failure('no_credit', `The key has no credit left at ${host} (402).${words}`)
    case 403:
      return failure(
        'refused',
        `${host} refuses the request (403): by moderation, or by the limits of the key.${words}`,
      )
    case 404:
      return failure(
        'unknown_model',
        `${host} has no model ${model}, or no chat completions at this address (404). Choose another with --llm-model or --llm-base-url.${words}`,
      )
    case 429:
      return failure('busy', `${host} takes no more requests for now (429).${words}`, true)
    default: {
      const isTemporary = status === 408 || status >= 500
      return failure('failed', `${host} answers ${status}.${words}`, isTemporary)
    }
  }
}

function explainText(completion: Completion | undefined, { host, model }: Asked): Failure | undefined {
  if (completion === undefined) return failure('bad_answer', `${host} does not answer as chat completions do.`)
  if (completion.isRefused) return failure('refused', `${model} refused to answer, or a filter of ${host} did.`)
  if (completion.isCut) return failure('bad_answer', `${model} was cut off before the end of its answer.`)
  const isEmpty = completion.text === undefined || completion.text.trim() === ''
  return isEmpty ? failure('bad_answer', `${model} answered with no text.`) : undefined
}

function failure(fault: LanguageModelFault, message: string, isTemporary = false): Failure {
  return { error: new LanguageModelError(fault, message), isTemporary }
}

const maxWords = 200

/** What the service says, in one line, without the key that some repeat. */
function wordsOf(message: string, apiKey: string): string {
  const line = message
    .replaceAll(apiKey, '***')
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
  return line === '' ? '' : ` It says: ${line.length > maxWords ? `${line.slice(0, maxWords)}…` : line}`
}
