import { request, type Dispatcher } from 'undici'
import { LanguageModelError } from './language-model-error.ts'

export interface JsonPost {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  readonly dispatcher: Dispatcher
  /** From the request to the end of the answer. */
  readonly timeoutMs: number
  readonly maxAnswerBytes: number
}

export interface Reply {
  readonly status: number
  readonly text: string
  /** What the service asks to be waited. */
  readonly retryAfterMs: number | undefined
}

/**
 * One request and its whole answer, whatever its status. No redirect is followed.
 * @throws LanguageModelError `unreachable` | `timeout` | `too_large`
 */
export async function postJson(post: JsonPost): Promise<Reply> {
  const { host } = new URL(post.url)
  const signal = AbortSignal.timeout(post.timeoutMs)
  try {
    const { statusCode, headers, body } = await request(post.url, {
      method: 'POST',
      headers: { ...post.headers, 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(post.body),
      dispatcher: post.dispatcher,
      signal,
    })
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of body) {
      if (!Buffer.isBuffer(chunk)) continue
      bytes += chunk.length
      if (bytes > post.maxAnswerBytes) {
        throw new LanguageModelError('too_large', `${host} answered with more than ${post.maxAnswerBytes} bytes.`)
      }
      chunks.push(chunk)
    }
    return {
      status: statusCode,
      text: Buffer.concat(chunks).toString('utf8'),
      retryAfterMs: readRetryAfter(headers['retry-after']),
    }
  } catch (error) {
    if (error instanceof LanguageModelError) throw error
    if (signal.aborted) {
      const detail = `${host} did not answer within ${Math.ceil(post.timeoutMs / 1000)} s.`
      throw new LanguageModelError('timeout', detail, { cause: error })
    }
    throw new LanguageModelError('unreachable', `${host} cannot be reached: ${reasonOf(error)}.`, { cause: error })
  }
}

/** Seconds, or a date. */
function readRetryAfter(header: string | string[] | undefined): number | undefined {
  const text = [header].flat()[0]?.trim() ?? ''
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return [error.message, code].find((text) => text !== undefined && text !== '') ?? error.name
}
