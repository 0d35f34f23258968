import { randomUUID } from 'node:crypto'
import { isRecord } from '../../lib/json-record.ts'
import type { SubmissionFaults } from '../faults/submission-faults.ts'
import type { FileStore } from '../file-store.ts'
import { annotatedName, normalisePath } from '../file-store.ts'
import type { NodeCatalogue } from '../node-catalogue.ts'
import { withoutCredentials, type PromptQueue, type QueueItem } from '../prompt-queue.ts'
import { pythonText } from '../../comfyui/wire/python-json.ts'
import { ConversionError, convertValue, isTruthy } from '../../comfyui/wire/verdict/convert-value.ts'
import { validatePrompt, type NodeErrors, type PromptError } from '../../comfyui/wire/verdict/validate-prompt.ts'
import type { VersionProfile } from '../version-profile.ts'
import { HttpStatusError, readJson, sendJson, type HttpExchange } from './http-exchange.ts'
import type { Route } from './router.ts'

export interface PromptRoutesOptions {
  profile: VersionProfile
  catalogue: NodeCatalogue
  files: FileStore
  queue: PromptQueue
  /** Something was put into the queue. */
  onQueued: () => void
  faults: SubmissionFaults
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export function promptRoutes({ profile, catalogue, files, queue, onQueued, faults }: PromptRoutesOptions): Route[] {
  let counter = 0

  function fileExists(name: string): boolean {
    const { root, path } = annotatedName(name)
    const normalised = normalisePath(path)
    return normalised !== undefined && files.exists(root, normalised)
  }

  async function submit({ request, response }: HttpExchange): Promise<void> {
    const body = await readJson(request)
    faults.refuse()
    const fields = fieldsOf(body)
    const number = takeNumber(fields)
    if (!('prompt' in fields)) return refuse(noPrompt, {})
    const promptId = takePromptId(fields['prompt_id'], 'prompt_id' in fields)
    if (promptId === undefined) return refuse(invalidPromptId, {})

    const targets = profile.takesTargets ? fields['partial_execution_targets'] : undefined
    const verdict = validatePrompt(fields['prompt'], targets, {
      nodes: (classType) => catalogue.definition(classType),
      rules: profile.rules,
      fileExists,
    })
    if (verdict.kind === 'crash') throw new Error('the prompt has another shape')
    if (verdict.kind === 'refused') return refuse(verdict.error, verdict.nodeErrors)

    const { prompt, outputs, nodeErrors } = verdict
    const item: QueueItem = { number, promptId, prompt, outputs, ...takeExtraData(fields) }
    try {
      queue.put(item)
    } finally {
      onQueued()
    }
    await faults.answer(response, item, { prompt_id: promptId, number, node_errors: nodeErrors })

    function refuse(error: PromptError, nodeErrorsSent: NodeErrors): void {
      sendJson(response, 400, { error, node_errors: nodeErrorsSent })
    }
  }

  /** A submission without a number takes one, also when it is refused later. */
  function takeNumber(fields: Record<string, unknown>): number {
    if ('number' in fields) {
      try {
        return Number(convertValue('FLOAT', fields['number']))
      } catch (error) {
        if (error instanceof ConversionError) throw new HttpStatusError(500)
        throw error
      }
    }
    const number = isTruthy(fields['front'] ?? false) ? -counter : counter
    counter += 1
    return number
  }

  function takePromptId(given: unknown, isGiven: boolean): string | undefined {
    if (!profile.takesPromptId) return randomUUID()
    if (!profile.requiresUuid) return isGiven ? pythonText(given) : randomUUID()
    if (given === undefined || given === null) return randomUUID()
    return typeof given === 'string' && uuid.test(given) ? given : undefined
  }

  function takeExtraData(fields: Record<string, unknown>): Pick<QueueItem, 'extraData' | 'killsWorker'> {
    const given = 'extra_data' in fields ? fields['extra_data'] : {}
    if (given === null && !profile.guardsExtraData && !('client_id' in fields)) {
      return { extraData: {}, killsWorker: true }
    }
    if (!isRecord(given)) throw new HttpStatusError(500)
    const extraData = profile.guardsExtraData ? { ...withoutCredentials(given), create_time: Date.now() } : { ...given }
    return { extraData: 'client_id' in fields ? { ...extraData, client_id: fields['client_id'] } : extraData }
  }

  return [
    {
      method: 'GET',
      path: '/prompt',
      handle: ({ response }) => sendJson(response, 200, { exec_info: { queue_remaining: queue.size() } }),
    },
    { method: 'POST', path: '/prompt', handle: submit },
  ]
}

/** An array or a text has no fields, and nothing else can be asked for any. */
function fieldsOf(body: unknown): Record<string, unknown> {
  if (isRecord(body)) return body
  if (Array.isArray(body) || typeof body === 'string') return {}
  throw new Error('argument is not iterable')
}

const noPrompt: PromptError = {
  type: 'no_prompt',
  message: 'No prompt provided',
  details: 'No prompt provided',
  extra_info: {},
}

const invalidPromptId: PromptError = {
  type: 'invalid_prompt_id',
  message: 'prompt_id must be a valid UUID',
  details:
    'prompt_id must be a UUID string in canonical lowercase hyphenated form; omit it to let the server generate one',
  extra_info: {},
}
