import type { NodeFailure, NodeOutput } from './wire/messages.ts'

/** What ComfyUI tells over its WebSocket, decoded. `promptId` says whose event it is; those without one belong to nobody in particular. */
export type ComfyuiEvent =
  /** Comes often; its number is read by `readQueueRemaining` when somebody asks. */
  | { readonly type: 'status'; readonly bytes: Buffer }
  | { readonly type: 'execution_start'; readonly promptId: string }
  | { readonly type: 'execution_cached'; readonly promptId: string; readonly nodes: readonly string[] }
  /** `node` null: the worker has let go of the prompt and its history is readable. */
  | { readonly type: 'executing'; readonly promptId: string | undefined; readonly node: string | null }
  | {
      readonly type: 'progress'
      readonly promptId: string | undefined
      readonly node: string | undefined
      readonly value: number
      readonly max: number
    }
  /** Left as bytes: only a watched job's is ever parsed, by `parseProgressState`. */
  | { readonly type: 'progress_state'; readonly promptId: string; readonly bytes: Buffer }
  | {
      readonly type: 'executed'
      readonly promptId: string
      readonly node: string
      readonly output: NodeOutput | undefined
    }
  | { readonly type: 'execution_success'; readonly promptId: string }
  | { readonly type: 'execution_error'; readonly promptId: string; readonly error: NodeFailure }
  | { readonly type: 'execution_interrupted'; readonly promptId: string }
  | {
      readonly type: 'preview'
      readonly promptId: string | undefined
      readonly nodeId: string | undefined
      readonly contentType: 'image/jpeg' | 'image/png'
      readonly image: Buffer
    }
