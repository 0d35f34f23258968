import { isRecord } from '../../lib/json-record.ts'
import { statusAnswer, type History, type HistoryEntry } from '../history.ts'
import type { PromptQueue, QueueItem } from '../prompt-queue.ts'
import { HttpStatusError, readJson, sendJson, type HttpExchange } from './http-exchange.ts'
import { jobStatus, outputSummary, type JobStatus } from './job-summary.ts'
import type { Route } from './router.ts'

export interface JobsRoutesOptions {
  queue: PromptQueue
  history: History
  interrupt: () => void
}

interface JobView {
  item: QueueItem
  status: JobStatus
  entry?: HistoryEntry
}

const allStatuses = ['pending', 'in_progress', 'completed', 'failed', 'cancelled']
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The newer view of queue and history as one list of jobs. */
export function jobsRoutes({ queue, history, interrupt }: JobsRoutesOptions): Route[] {
  function views(): JobView[] {
    const running = queue.running()
    return [
      ...queue.pending().map((item): JobView => ({ item, status: 'pending' })),
      ...(running === undefined ? [] : [{ item: running, status: 'in_progress' as const }]),
      ...history.entries().map((entry) => ({ item: entry.item, status: jobStatus(entry), entry })),
    ]
  }

  function cancel(id: string): boolean {
    if (queue.running()?.promptId === id) {
      interrupt()
      return true
    }
    return queue.remove((item) => item.promptId === id)
  }

  return [
    { method: 'GET', path: '/jobs', only: 'prefixed', handle: (exchange) => listJobs(exchange, views()) },
    {
      method: 'GET',
      path: '/jobs/*',
      only: 'prefixed',
      handle({ response, params: [id = ''] }) {
        const found = views()
          .toReversed()
          .find(({ item }) => item.promptId === id)
        if (found === undefined) return sendJson(response, 404, { error: 'Job not found' })
        return sendJson(response, 200, { ...summary(found), ...(found.entry && details(found.entry)) })
      },
    },
    {
      method: 'POST',
      path: '/jobs/*/cancel',
      only: 'prefixed',
      handle: ({ response, params: [id = ''] }) => sendJson(response, 200, { cancelled: uuid.test(id) && cancel(id) }),
    },
    {
      method: 'POST',
      path: '/jobs/cancel',
      only: 'prefixed',
      async handle({ request, response }) {
        const ids = await readIds(request)
        if (ids === undefined) return sendJson(response, 400, { error: 'job_ids must be a list of ids' })
        const invalid = ids.filter((id) => typeof id !== 'string' || !uuid.test(id))
        if (invalid.length > 0) {
          return sendJson(response, 400, { error: 'Some job ids are no UUIDs', invalid_ids: invalid })
        }
        const results = ids.map((id) => cancel(String(id)))
        return sendJson(response, 200, { cancelled: results.includes(true) })
      },
    },
  ]
}

async function readIds(request: HttpExchange['request']): Promise<unknown[] | undefined> {
  try {
    const body = await readJson(request)
    const ids = isRecord(body) ? body['job_ids'] : undefined
    return Array.isArray(ids) ? ids : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function listJobs({ response, query }: HttpExchange, views: readonly JobView[]): void {
  const refuse = (error: string): void => sendJson(response, 400, { error })
  const statuses = query
    .get('status')
    ?.split(',')
    .map((status) => status.trim())
  const unknown = statuses?.find((status) => !allStatuses.includes(status))
  if (unknown !== undefined)
    return refuse(`Invalid status value(s): ${unknown}. Valid values: ${allStatuses.join(', ')}`)
  const sortBy = query.get('sort_by') ?? 'created_at'
  const sortOrder = query.get('sort_order') ?? 'desc'
  if (!['created_at', 'execution_duration'].includes(sortBy))
    return refuse('sort_by must be created_at or execution_duration')
  if (!['asc', 'desc'].includes(sortOrder)) return refuse('sort_order must be asc or desc')
  const limit = query.has('limit') ? toInteger(query.get('limit')) : null
  if (limit !== null && !(limit > 0)) return refuse('limit must be a positive integer')
  const offset = query.has('offset') ? toInteger(query.get('offset')) : 0
  if (Number.isNaN(offset)) return refuse('offset must be an integer')

  const workflowId = query.get('workflow_id')
  const chosen = views.filter(
    (view) =>
      (statuses === undefined || statuses.includes(view.status)) &&
      (workflowId === null || workflowIdOf(view.item) === workflowId),
  )
  const key = sortBy === 'created_at' ? createdAt : duration
  const direction = sortOrder === 'asc' ? 1 : -1
  const sorted = chosen.toSorted((a, b) => direction * (key(a) - key(b)))
  const start = Math.max(0, offset)
  const shown = sorted.slice(start, limit === null ? undefined : start + limit)
  const total = sorted.length
  const pagination = { offset: start, limit, total, has_more: start + shown.length < total }
  sendJson(response, 200, { jobs: shown.map(summary), pagination })
}

function toInteger(text: string | null): number {
  return /^\s*[+-]?\d+\s*$/.test(text ?? '') ? Number(text) : Number.NaN
}

function createdAt({ item }: JobView): number {
  const created = item.extraData['create_time']
  return typeof created === 'number' ? created : 0
}

function duration({ entry }: JobView): number {
  const times = entry?.messages.map(([, data]) => Number(data['timestamp'])) ?? []
  return times.length === 0 ? 0 : Math.max(...times) - Math.min(...times)
}

/** @throws HttpStatusError 500 for `extra_pnginfo` of another shape, as the server does */
function workflowIdOf({ extraData }: QueueItem): unknown {
  const pngInfo = 'extra_pnginfo' in extraData ? extraData['extra_pnginfo'] : {}
  if (!isRecord(pngInfo)) throw new HttpStatusError(500)
  const workflow = 'workflow' in pngInfo ? pngInfo['workflow'] : {}
  if (!isRecord(workflow)) throw new HttpStatusError(500)
  return workflow['id']
}

function summary({ item, status, entry }: JobView): Record<string, unknown> {
  const workflowId = workflowIdOf(item)
  const finished = entry === undefined ? {} : finishedSummary(entry)
  return {
    id: item.promptId,
    status,
    priority: item.number,
    create_time: item.extraData['create_time'],
    ...finished,
    ...(entry === undefined ? { outputs_count: 0, previewable_outputs_count: 0 } : outputSummary(entry.outputs)),
    ...(typeof workflowId === 'string' && { workflow_id: workflowId }),
  }
}

function finishedSummary({ messages }: HistoryEntry): Record<string, unknown> {
  const last = messages.at(-1)
  return {
    execution_start_time: messages[0]?.[1]['timestamp'],
    execution_end_time: last?.[1]['timestamp'],
    ...(last?.[0] === 'execution_error' && { execution_error: last[1] }),
  }
}

function details(entry: HistoryEntry): Record<string, unknown> {
  return {
    outputs: entry.outputs,
    execution_status: statusAnswer(entry),
    workflow: { prompt: entry.item.prompt, extra_data: entry.item.extraData },
  }
}
