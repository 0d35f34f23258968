import { GatewayError } from '../errors/gateway-error.ts'
import { ComfyuiClient } from './comfyui-client.ts'
import { ComfyuiError } from './comfyui-error.ts'

/** A ComfyUI that is asked something now and not kept. */
export interface AskedInstance {
  /** Without credentials. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

export interface AskOnceOptions {
  readonly connectTimeoutMs: number
  /** From the first connection to the end of the last answer. */
  readonly timeoutMs: number
}

/**
 * Opens a client for a few calls and closes it after them.
 * @throws GatewayError with what a person can do about it, when ComfyUI gives no usable answer
 */
export async function askOnce<Answer>(
  instance: AskedInstance,
  { connectTimeoutMs, timeoutMs }: AskOnceOptions,
  ask: (client: ComfyuiClient) => Promise<Answer>,
): Promise<Answer> {
  const { url, headers } = instance
  const timeouts = { connectTimeoutMs, submitTimeoutMs: timeoutMs, fetchTimeoutMs: timeoutMs }
  const client = new ComfyuiClient({ url: new URL(url), headers, ...timeouts })
  const { promise: isLate, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const detail = `ComfyUI at ${url} did not answer within ${String(timeoutMs / 1000)} s.`
    reject(new GatewayError('no_healthy_instance', { detail }))
  }, timeoutMs)
  try {
    return await Promise.race([ask(client), isLate])
  } catch (error) {
    throw error instanceof ComfyuiError ? describe(error, url) : error
  } finally {
    clearTimeout(timer)
    await client.close()
  }
}

function describe(error: ComfyuiError, url: string): GatewayError {
  const { status, cause } = error
  switch (error.reason) {
    case 'unreachable':
      return new GatewayError('no_healthy_instance', {
        detail: `ComfyUI at ${url} cannot be reached: ${error.message || 'no connection'}. Is it running, and is the address right?`,
        cause,
      })
    case 'interrupted':
      return new GatewayError('no_healthy_instance', {
        detail: `ComfyUI at ${url} did not answer to the end: ${error.message}.`,
        cause,
      })
    case 'bad_answer':
      return new GatewayError('upstream_error', { detail: describeAnswer(status, error.message, url), cause })
  }
}

function describeAnswer(status: number | undefined, message: string, url: string): string {
  if (status === 401 || status === 403) {
    return (
      `${url} answered ${String(status)}: it wants to know who asks. ` +
      'Put user and password into the address: http://user:password@host.'
    )
  }
  if (status === 404) return `${url} is no ComfyUI: ${message}. Is the base path right?`
  return `${url} gives no answer of a ComfyUI: ${message}.`
}
