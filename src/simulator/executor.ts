import { isPromptLink } from '../comfyui/wire/prompt.ts'
import { planExecution, type ExecutionOrder } from './execution-order.ts'
import type { ExecutionFaults } from './faults/execution-faults.ts'
import type { FileStore } from './file-store.ts'
import type { HistoryEntry, NodeUi } from './history.ts'
import { createJobChannel, type JobChannel } from './job-channel.ts'
import { WorkerDeath, type NodeCache } from './node-cache.ts'
import type { NodeCatalogue } from './node-catalogue.ts'
import { NodeFailure, describeValue, type NodeResult, type NodeRun } from './nodes/node-run.ts'
import { runNode } from './nodes/run-node.ts'
import type { QueueItem } from './prompt-queue.ts'
import { pythonText } from '../comfyui/wire/python-json.ts'
import type { SubmittedNode } from '../comfyui/wire/submitted-prompt.ts'
import { unwrapped } from '../comfyui/wire/verdict/node-validators.ts'
import type { WebSocketHub } from './websocket-hub.ts'

export interface Executor {
  /** Runs one prompt to its end and tells its client what happens; all but the last `executing`. */
  execute(item: QueueItem): Promise<HistoryEntry>
  /** Tells the client of a finished prompt that the server has let go of it. */
  release(item: QueueItem): void
  /** Ends the prompt that runs, at its next node or tick. */
  interrupt(): void
  /** The node that runs for this client. */
  runningNode(clientId: string): string | undefined
}

export interface ExecutorOptions {
  hub: WebSocketHub
  catalogue: Pick<NodeCatalogue, 'definition'>
  cache: NodeCache
  files: FileStore
  label: string
  stepDelayMs: number
  sendsPreviews: (extraData: Readonly<Record<string, unknown>>) => boolean
  /** Rejects when the simulator is closed. */
  sleep: (ms: number) => Promise<void>
  faults: ExecutionFaults
  tellsProgressState: boolean
}

class Interrupted extends Error {}

const outOfMemoryHint =
  'This error means you ran out of memory on your GPU.\n\n' +
  'TIPS: If the workflow worked before you might have accidentally set the batch_size to a large number.'

/** Runs prompts one at a time, as ComfyUI's PromptExecutor. */
export function createExecutor(options: ExecutorOptions): Executor {
  const { hub, catalogue, cache, files, label, stepDelayMs, sendsPreviews, sleep, faults } = options
  const { tellsProgressState } = options
  let interrupted = false
  let running: { clientId: string; nodeId: string } | undefined

  const channelOf = (item: QueueItem): JobChannel =>
    createJobChannel({ hub, promptId: item.promptId, clientId: clientOf(item), tellsProgressState })

  async function execute(item: QueueItem): Promise<HistoryEntry> {
    interrupted = false
    const { prompt, promptId } = item
    if (item.killsWorker === true) throw new WorkerDeath("argument of type 'NoneType' is not iterable")
    const channel = channelOf(item)
    const entry: HistoryEntry = { item, outputs: {}, meta: {}, succeeded: true, messages: channel.messages }
    channel.tell('execution_start', { prompt_id: promptId })
    faults.reach('execution_start')
    cache.begin(prompt)
    channel.tell('execution_cached', { nodes: cache.nodeIds(), prompt_id: promptId })
    faults.begin()
    const isCached = (nodeId: string): boolean => cache.get(nodeId) !== undefined
    const order = planExecution({ prompt, outputs: item.outputs, catalogue, isCached })
    await runAll(item, order, channel, entry)
    running = undefined
    return entry
  }

  async function runAll(
    item: QueueItem,
    order: ExecutionOrder,
    channel: JobChannel,
    entry: HistoryEntry,
  ): Promise<void> {
    const executed: string[] = []
    for (let next = order.next(); next !== undefined; next = order.next()) {
      const { nodeId, isInCycle } = next
      if (isInCycle) {
        const cycle = new NodeFailure('DependencyCycleError', 'Dependency cycle detected')
        return end(() => tellFailure(item, nodeId, executed, {}, cycle, channel))
      }
      const inputs: Record<string, unknown> = {}
      try {
        await runOne(item, nodeId, inputs, channel, entry, executed)
      } catch (error) {
        if (error instanceof WorkerDeath || !(error instanceof Error) || error.name === 'AbortError') throw error
        entry.succeeded = false
        return end(() => tellFailure(item, nodeId, executed, inputs, error, channel))
      }
      order.complete(nodeId)
    }
    if (faults.isBlocked()) channel.mention('execution_error', blockedError(item, executed))
    end(() => channel.tell('execution_success', { prompt_id: item.promptId }))
  }

  function end(tell: () => void): void {
    faults.reach('before-end')
    tell()
    faults.reach('after-end')
  }

  async function runOne(
    item: QueueItem,
    nodeId: string,
    inputs: Record<string, unknown>,
    channel: JobChannel,
    entry: HistoryEntry,
    executed: string[],
  ): Promise<void> {
    const node = item.prompt[nodeId]
    if (node === undefined) throw new WorkerDeath(`Node ${nodeId} not found`)
    const cached = cache.get(nodeId)
    if (cached !== undefined) {
      channel.executed(nodeId, cached.ui ?? null)
      faults.reach('executed')
      if (cached.ui !== undefined) keepUi(entry, nodeId, cached.ui)
      channel.nodeFinished(nodeId)
      return
    }
    const clientId = clientOf(item)
    if (clientId !== undefined) running = { clientId, nodeId }
    channel.nodeStarted(nodeId)
    channel.executing(nodeId)
    Object.assign(inputs, resolveInputs(node, cache))
    if (interrupted) throw new Interrupted()
    await faults.beforeNode(executed.length === 0)
    const result = faults.spoil(await runNode(nodeRun(item, nodeId, node, inputs, channel), catalogue))
    cache.set(nodeId, result)
    if (result.ui !== undefined) {
      keepUi(entry, nodeId, result.ui)
      channel.executed(nodeId, result.ui)
      faults.reach('executed')
    }
    channel.nodeFinished(nodeId)
    executed.push(nodeId)
  }

  function nodeRun(
    item: QueueItem,
    nodeId: string,
    node: SubmittedNode,
    inputs: Readonly<Record<string, unknown>>,
    channel: JobChannel,
  ): NodeRun {
    return {
      nodeId,
      classType: node.class_type,
      inputs,
      prompt: item.prompt,
      extraPngInfo: item.extraData['extra_pnginfo'],
      files,
      label,
      stepDelayMs,
      wantsPreviews: channel.isHeard() && sendsPreviews(item.extraData),
      async progress(value, max, image) {
        if (interrupted) throw new Interrupted()
        channel.nodeTicked(nodeId, value, max, image)
        faults.reach('progress')
      },
      showText: (text) => hub.sendText(nodeId, text),
      sleep,
    }
  }

  return {
    execute,
    release(item) {
      channelOf(item).executing(null)
    },
    interrupt() {
      interrupted = true
    },
    runningNode: (clientId) => (running?.clientId === clientId ? running.nodeId : undefined),
  }
}

function clientOf({ extraData }: QueueItem): string | undefined {
  const clientId = extraData['client_id']
  if (clientId === undefined || clientId === null) return undefined
  return typeof clientId === 'string' ? clientId : `no socket has the id ${pythonText(clientId)}`
}

function keepUi(entry: HistoryEntry, nodeId: string, ui: NodeUi): void {
  entry.outputs[nodeId] = ui
  entry.meta[nodeId] = { node_id: nodeId, display_node: nodeId, parent_node: null, real_node_id: nodeId }
}

function resolveInputs(node: SubmittedNode, cache: NodeCache): Record<string, unknown> {
  const resolved: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(node.inputs)) {
    resolved[name] = isPromptLink(value) ? outputOf(cache.get(value[0]), value[1]) : unwrapped(value)
  }
  return resolved
}

function outputOf(result: NodeResult | undefined, slot: number): unknown {
  const outputs = result?.outputs ?? []
  const position = slot < 0 ? slot + outputs.length : slot
  if (position >= outputs.length) throw new WorkerDeath('list index out of range')
  return outputs[position]
}

/** What the server says of an output node whose input was blocked with a message. */
function blockedError({ prompt, promptId, outputs }: QueueItem, executed: readonly string[]): Record<string, unknown> {
  const nodeId = outputs[0] ?? ''
  return {
    prompt_id: promptId,
    node_id: nodeId,
    node_type: prompt[nodeId]?.class_type ?? '',
    executed,
    exception_message: 'Execution Blocked: by a fault of the simulator',
    exception_type: 'ExecutionBlocked',
    traceback: [],
    current_inputs: {},
    current_outputs: [],
  }
}

function tellFailure(
  { prompt, promptId }: QueueItem,
  nodeId: string,
  executed: readonly string[],
  inputs: Readonly<Record<string, unknown>>,
  error: Error,
  channel: JobChannel,
): void {
  const classType = prompt[nodeId]?.class_type ?? ''
  const about = { prompt_id: promptId, node_id: nodeId, node_type: classType, executed }
  if (error instanceof Interrupted) {
    channel.tell('execution_interrupted', about, { broadcast: true })
    return
  }
  const type = error instanceof NodeFailure ? error.type : 'RuntimeError'
  channel.tell('execution_error', {
    ...about,
    exception_message: `${error.message}\n${type === 'torch.OutOfMemoryError' ? outOfMemoryHint : ''}`,
    exception_type: type,
    traceback: [`  File "/simulated/execution.py", line 1, in ${classType}\n    raise ${type}\n`],
    current_inputs: Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, [describeValue(value)]])),
    current_outputs: [...executed, nodeId],
  })
}
