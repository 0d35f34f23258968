import type { ExecutionMessage } from './history.ts'
import { createJobProgress } from './job-progress.ts'
import type { ProgressImage } from './nodes/node-run.ts'
import { pythonJson, pythonString } from '../comfyui/wire/python-json.ts'
import type { WebSocketHub } from './websocket-hub.ts'

export interface JobChannel {
  /** What the history keeps of what was told. */
  readonly messages: ExecutionMessage[]
  /** A milestone with its time, kept for the history; only broadcast ones are heard when the job has no client. */
  tell(type: string, data: Record<string, unknown>, options?: { broadcast: boolean }): void
  /** A message to the own client that has no time and is not kept. */
  mention(type: string, data: Record<string, unknown>): void
  nodeStarted(nodeId: string): void
  nodeTicked(nodeId: string, value: number, max: number, image?: ProgressImage): void
  nodeFinished(nodeId: string): void
  executing(nodeId: string | null): void
  executed(nodeId: string, ui: Record<string, unknown> | null): void
  isHeard(): boolean
}

export interface JobChannelOptions {
  hub: WebSocketHub
  promptId: string
  clientId: string | undefined
  /** Whether the server knows `progress_state`. */
  tellsProgressState: boolean
}

/** Everything that one job says, to its own client. Without one only progress and interruption are said, to everybody. */
export function createJobChannel({ hub, promptId, clientId, tellsProgressState }: JobChannelOptions): JobChannel {
  const promptJson = pythonString(promptId)
  const progress = createJobProgress(promptId)
  const messages: ExecutionMessage[] = []
  const own = (type: string, dataJson: string): void => {
    if (clientId !== undefined) hub.send(type, dataJson, clientId)
  }
  const tellProgress = (): void => {
    if (tellsProgressState && hub.isHeard(clientId)) hub.send('progress_state', progress.json(), clientId)
  }

  return {
    messages,
    tell(type, data, options) {
      const message = { ...data, timestamp: Date.now() }
      messages.push([type, message])
      if (clientId !== undefined || options?.broadcast === true) hub.send(type, pythonJson(message), clientId)
    },
    mention: (type, data) => own(type, pythonJson(data)),
    nodeStarted(nodeId) {
      progress.start(nodeId)
      tellProgress()
    },
    nodeTicked(nodeId, value, max, image) {
      progress.update(nodeId, value, max)
      tellProgress()
      const origin = { nodeId, promptId }
      const withMetadata = hub.wantsMetadata(clientId)
      if (image !== undefined && withMetadata) hub.sendImage(origin, image.type, image.bytes, clientId)
      const node = pythonString(nodeId)
      hub.send('progress', `{"value": ${value}, "max": ${max}, "prompt_id": ${promptJson}, "node": ${node}}`, clientId)
      if (image !== undefined && !withMetadata) hub.sendImage(origin, image.type, image.bytes, clientId)
    },
    nodeFinished(nodeId) {
      progress.finish(nodeId)
      tellProgress()
    },
    executing(nodeId) {
      const node = nodeId === null ? 'null' : `${pythonString(nodeId)}, "display_node": ${pythonString(nodeId)}`
      own('executing', `{"node": ${node}, "prompt_id": ${promptJson}}`)
    },
    executed(nodeId, ui) {
      const node = pythonString(nodeId)
      own(
        'executed',
        `{"node": ${node}, "display_node": ${node}, "output": ${pythonJson(ui)}, "prompt_id": ${promptJson}}`,
      )
    },
    isHeard: () => hub.isHeard(clientId),
  }
}
