import { isPromptLink } from '../comfyui/wire/prompt.ts'
import { planExecution, type ExecutionOrder } from './execution-order.ts'
import type { FileStore } from './file-store.ts'
import type { HistoryEntry, NodeUi } from './history.ts'
import { createJobChannel, type JobChannel } from './job-channel.ts'
import { WorkerDeath, type NodeCache } from './node-cache.ts'
import type { NodeCatalogue } from './node-catalogue.ts'
import { NodeFailure, describeValue, type NodeResult, type NodeRun } from './nodes/node-run.ts'
import { runNode } from './nodes/run-node.ts'
import type { QueueItem, SubmittedNode } from './prompt-queue.ts'
import { pythonText } from './python-json.ts'
import { unwrapped } from './validation/node-validators.ts'
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
}

class Interrupted extends Error {}

const outOfMemoryHint =
  'This error means you ran out of memory on your GPU.\n\n' +
  'TIPS: If the workflow worked before you might have accidentally set the batch_size to a large number.'

/** Runs prompts one at a time, as ComfyUI's PromptExecutor. */
export function createExecutor(options: ExecutorOptions): Executor {
  const { hub, catalogue, cache, files, label, stepDelayMs, sendsPreviews, sleep } = options
  let interrupted = false
  let running: { clientId: string; nodeId: string } | undefined

  async function execute(item: QueueItem): Promise<HistoryEntry> {
    interrupted = false
    const { prompt, promptId } = item
    if (item.killsWorker === true) throw new WorkerDeath("argument of type 'NoneType' is not iterable")
    const channel = createJobChannel(hub, promptId, clientOf(item))
    const entry: HistoryEntry = { item, outputs: {}, meta: {}, succeeded: true, messages: channel.messages }
    channel.tell('execution_start', { prompt_id: promptId })
    cache.begin(prompt)
    channel.tell('execution_cached', { nodes: cache.nodeIds(), prompt_id: promptId })
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
        tellFailure(item, nodeId, executed, {}, cycle, channel)
        return
      }
      const inputs: Record<string, unknown> = {}
      try {
        await runOne(item, nodeId, inputs, channel, entry, executed)
      } catch (error) {
        if (error instanceof WorkerDeath || !(error instanceof Error) || error.name === 'AbortError') throw error
        entry.succeeded = false
        tellFailure(item, nodeId, executed, inputs, error, channel)
        return
      }
      order.complete(nodeId)
    }
    channel.tell('execution_success', { prompt_id: item.promptId })
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
    const result = await runNode(nodeRun(item, nodeId, node, inputs, channel), catalogue)
    cache.set(nodeId, result)
    if (result.ui !== undefined) {
      keepUi(entry, nodeId, result.ui)
      channel.executed(nodeId, result.ui)
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
      },
      showText: (text) => hub.sendText(nodeId, text),
      sleep,
    }
  }

  return {
    execute,
    release(item) {
      createJobChannel(hub, item.promptId, clientOf(item)).executing(null)
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
