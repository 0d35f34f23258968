import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import { explainFailure, readCompletion, type Completion } from './completion.ts'
import { LanguageModelError } from './language-model-error.ts'
import { postJson, type Reply } from './post-json.ts'

export interface ChatMessage {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

/** The form of an answer, as JSON Schema. */
export interface AnswerForm {
  readonly name: string
  readonly schema: object
}

/** A service that speaks OpenAI's `POST {baseUrl}/chat/completions`, and who is asked there. */
export interface ChatService {
  /** Without a slash at the end. The key is sent to this address and nowhere else. */
  readonly baseUrl: string
  readonly apiKey: string
  readonly model: string
  /** From a request to the end of its answer; 60 s. */
  readonly requestTimeoutMs?: number
  /** For everything together, waiting included; 180 s. */
  readonly totalTimeoutMs?: number
  readonly maxAnswerBytes?: number
  /** Waits before the service is asked again. */
  readonly wait?: (ms: number) => Promise<unknown>
  /** Told before it does. */
  readonly onWait?: (ms: number) => void
}

/** What was used so far, as the service counts it. */
export interface Usage {
  readonly requests: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** In US dollars, where the service says it. */
  readonly cost: number | undefined
}

export interface ChatModel {
  /** By its id; the one that answered, where the service chose another. */
  readonly id: string
  readonly usage: Usage
  /**
   * The text that the model answers. Services that are busy or fail are asked again, twice at most.
   * @throws LanguageModelError
   */
  ask(messages: readonly ChatMessage[], form: AnswerForm): Promise<string>
  close(): Promise<void>
}

const maxRetries = 2
const firstPauseMs = 1000

export function createChatModel(service: ChatService): ChatModel {
  const { baseUrl, apiKey, model, requestTimeoutMs = 60_000, totalTimeoutMs = 180_000, wait = sleep } = service
  const { maxAnswerBytes = 1024 * 1024 } = service
  const host = new URL(baseUrl).host
  const deadlineMs = performance.now() + totalTimeoutMs
  const agent = new Agent({ connections: 1 })
  let id = model
  let usage: Usage = { requests: 0, promptTokens: 0, completionTokens: 0, cost: undefined }
  let isFormTaken = true

  return {
    get id() {
      return id
    },
    get usage() {
      return usage
    },
    ask,
    close: () => agent.destroy(),
  }

  async function ask(messages: readonly ChatMessage[], form: AnswerForm): Promise<string> {
    for (let retries = 0; ;) {
      const reply = await send(messages, form)
      const completion = readCompletion(reply)
      count(completion)
      const failure = explainFailure(reply, completion, { host, model, apiKey })
      if (failure === undefined) return completion?.text ?? ''
      if (isFormTaken && (reply.status === 400 || reply.status === 422)) {
        // A server that knows no forms: the messages say it too.
        isFormTaken = false
        continue
      }
      const pauseMs = reply.retryAfterMs ?? firstPauseMs * 2 ** retries
      if (!failure.isTemporary || retries >= maxRetries || pauseMs >= deadlineMs - performance.now()) {
        throw failure.error
      }
      retries += 1
      service.onWait?.(pauseMs)
      await wait(pauseMs)
    }
  }

  function send(messages: readonly ChatMessage[], { name, schema }: AnswerForm): Promise<Reply> {
    const timeoutMs = Math.ceil(Math.min(requestTimeoutMs, deadlineMs - performance.now()))
    if (timeoutMs <= 0) throw new LanguageModelError('timeout', `${host} took more than ${inSeconds(totalTimeoutMs)}.`)
    usage = { ...usage, requests: usage.requests + 1 }
    return postJson({
      url: `${baseUrl}/chat/completions`,
      headers: { authorization: `Bearer ${apiKey}`, 'x-title': 'comfyui-api' },
      body: {
        model,
        messages,
        ...(isFormTaken && {
          response_format: { type: 'json_schema', json_schema: { name, strict: true, schema } },
        }),
      },
      dispatcher: agent,
      timeoutMs,
      maxAnswerBytes,
    })
  }

  function count(completion: Completion | undefined): void {
    if (completion === undefined) return
    id = completion.model ?? id
    const { promptTokens, completionTokens, cost } = completion
    usage = {
      ...usage,
      promptTokens: usage.promptTokens + promptTokens,
      completionTokens: usage.completionTokens + completionTokens,
      cost: cost === undefined ? usage.cost : (usage.cost ?? 0) + cost,
    }
  }
}

function inSeconds(ms: number): string {
  return `${ms / 1000} s`
}
