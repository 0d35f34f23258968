import { isRecord } from '../../lib/json-record.ts'
import { historyAnswer, type History } from '../history.ts'
import type { PromptQueue, QueueItem } from '../prompt-queue.ts'
import { isTruthy } from '../../comfyui/wire/verdict/convert-value.ts'
import type { VersionProfile } from '../version-profile.ts'
import { HttpStatusError, readBody, readJson, sendEmpty, sendJson, type HttpExchange } from './http-exchange.ts'
import type { Route } from './router.ts'

export interface QueueRoutesOptions {
  profile: Pick<VersionProfile, 'interruptsById'>
  queue: PromptQueue
  history: History
  interrupt: () => void
  freeMemory: () => void
}

/** Queue, history, and what acts on the running prompt. */
export function queueRoutes({ profile, queue, history, interrupt, freeMemory }: QueueRoutesOptions): Route[] {
  return [
    {
      method: 'GET',
      path: '/queue',
      handle({ response }) {
        const running = queue.running()
        const queue_running = running === undefined ? [] : [queueAnswer(running)]
        sendJson(response, 200, { queue_running, queue_pending: queue.pending().map(queueAnswer) })
      },
    },
    {
      method: 'POST',
      path: '/queue',
      async handle({ request, response }) {
        const { clears, ids } = await readEdit(request)
        if (clears) queue.clear()
        for (const id of ids) queue.remove((item) => item.promptId === id)
        sendEmpty(response, 200)
      },
    },
    { method: 'GET', path: '/history', handle: (exchange) => listHistory(exchange, history) },
    {
      method: 'GET',
      path: '/history/*',
      handle({ response, params: [id = ''] }) {
        const entry = history.get(id)
        sendJson(response, 200, entry === undefined ? {} : { [id]: historyAnswer(entry) })
      },
    },
    {
      method: 'POST',
      path: '/history',
      async handle({ request, response }) {
        const { clears, ids } = await readEdit(request)
        if (clears) history.clear()
        for (const id of ids) if (typeof id === 'string') history.remove(id)
        sendEmpty(response, 200)
      },
    },
    {
      method: 'POST',
      path: '/interrupt',
      async handle({ request, response }) {
        const body = parseOrEmpty((await readBody(request)).toString())
        if (!isRecord(body)) throw new HttpStatusError(500)
        const id = profile.interruptsById ? body['prompt_id'] : undefined
        if (!isTruthy(id ?? null) || queue.running()?.promptId === id) interrupt()
        sendEmpty(response, 200)
      },
    },
    {
      method: 'POST',
      path: '/free',
      async handle({ request, response }) {
        const body = await readJson(request)
        if (!isRecord(body)) throw new HttpStatusError(500)
        if (isTruthy(body['free_memory'] ?? false)) freeMemory()
        sendEmpty(response, 200)
      },
    },
  ]
}

export function queueAnswer(item: QueueItem): unknown[] {
  return [item.number, item.promptId, item.prompt, item.extraData, item.outputs]
}

/** A broken body counts as an empty one. */
function parseOrEmpty(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

async function readEdit(request: HttpExchange['request']): Promise<{ clears: boolean; ids: readonly unknown[] }> {
  const body = await readJson(request)
  if (Array.isArray(body) || typeof body === 'string') return { clears: false, ids: [] }
  if (!isRecord(body)) throw new HttpStatusError(500)
  const ids = 'delete' in body ? body['delete'] : []
  if (ids !== undefined && !Array.isArray(ids)) throw new HttpStatusError(500)
  return { clears: isTruthy(body['clear'] ?? false), ids: ids ?? [] }
}

function listHistory({ response, query }: HttpExchange, history: History): void {
  const maxItems = readInteger(query.get('max_items'))
  const offset = readInteger(query.get('offset'))
  const entries = history.entries()
  const start = offset ?? (maxItems === undefined ? 0 : Math.max(0, entries.length - maxItems))
  const end = maxItems === undefined ? entries.length : start + maxItems
  const shown = maxItems !== undefined && maxItems <= 0 ? [] : entries.slice(Math.max(0, start), end)
  const answers = shown.map((entry): [string, unknown] => [entry.item.promptId, historyAnswer(entry)])
  sendJson(response, 200, Object.fromEntries(answers))
}

/** @throws HttpStatusError 500 when it is there and no integer */
function readInteger(text: string | null): number | undefined {
  if (text === null) return undefined
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw new HttpStatusError(500)
  return Number(text)
}
