import type { ServerResponse } from 'node:http'
import type { PromptQueue, QueueItem } from '../prompt-queue.ts'
import { HttpStatusError, maxUploadBytes, sendJson, serverTrouble } from '../routes/http-exchange.ts'
import type { FaultPlan } from './fault-plan.ts'
import type { ReachMoment } from './moment-faults.ts'

export interface SubmissionFaults {
  /** @throws HttpStatusError when the prompt is to be refused */
  refuse(): void
  /** Answers a prompt that is in the queue. @throws HttpStatusError when it is to be answered as if it were not */
  answer(response: ServerResponse, item: QueueItem, answer: Record<string, unknown>): Promise<void> | void
}

export interface SubmissionFaultsOptions {
  plan: FaultPlan
  reach: ReachMoment
  queue: Pick<PromptQueue, 'pending' | 'remove'>
  /** Rejects when the process ends. */
  sleep: (ms: number) => Promise<void>
  /** Resolves when the server has let go of the prompt; rejects when the process ends. */
  whenReleased: (item: QueueItem) => Promise<void>
}

/** What goes wrong between a client that submits a prompt and its answer. */
export function createSubmissionFaults(options: SubmissionFaultsOptions): SubmissionFaults {
  const { plan, reach, queue, sleep, whenReleased } = options

  function deleteWaiting(item: QueueItem, moment: 'accepted' | 'queued'): void {
    if (!queue.pending().includes(item)) return
    if (plan.strike('prompt-deleted', moment) !== undefined) queue.remove((candidate) => candidate === item)
  }

  async function answerFaultily(
    response: ServerResponse,
    item: QueueItem,
    answer: Record<string, unknown>,
  ): Promise<void> {
    deleteWaiting(item, 'accepted')
    reach('accepted')
    if (plan.strike('prompt-drop') !== undefined) return void response.destroy()
    if (plan.strike('prompt-500') !== undefined) throw new HttpStatusError(500, serverTrouble)
    const errors = plan.strike('node-errors') === undefined ? {} : { node_errors: inventedErrors(item) }
    const delay = plan.strike('prompt-delay')
    const released = plan.strike('events-first') === undefined ? undefined : whenReleased(item)
    await Promise.all([released, delay?.ms !== undefined && sleep(delay.ms)])
    response.once('finish', () => {
      reach('queued')
      deleteWaiting(item, 'queued')
    })
    sendJson(response, 200, { ...answer, ...errors })
  }

  return {
    refuse() {
      const hit = plan.strike('prompt-refuse')
      if (hit !== undefined) throw new HttpStatusError(Number(hit.choice), refusals[hit.choice])
    },
    answer: (response, item, answer) =>
      plan.isArmed() ? answerFaultily(response, item, answer) : sendJson(response, 200, answer),
  }
}

const refusals: Readonly<Record<string, string>> = {
  413: `Maximum request body size ${maxUploadBytes} exceeded, actual body size ${maxUploadBytes + 1}`,
  500: serverTrouble,
}

/** As if a second output of the prompt had not been valid. */
function inventedErrors({ prompt }: QueueItem): Record<string, unknown> {
  const [[nodeId, node] = ['1', undefined]] = Object.entries(prompt)
  const error = {
    type: 'value_not_in_list',
    message: 'Value not in list',
    details: 'invented: by a fault of the simulator',
    extra_info: { input_name: 'invented', input_config: null, received_value: 'fault' },
  }
  return { [nodeId]: { errors: [error], dependent_outputs: [nodeId], class_type: node?.class_type ?? '' } }
}
