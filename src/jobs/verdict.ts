import type { NodeFailure, NodeOutput } from '../comfyui/wire/messages.ts'

/** How a prompt's stay on an instance ended. */
export type Verdict =
  | {
      readonly kind: 'success'
      readonly outputs: Readonly<Record<string, NodeOutput>>
      /** Everything that it said on the way was heard; false where the instance was asked how it ended. */
      readonly wasHeard: boolean
    }
  | { readonly kind: 'error'; readonly failure: NodeFailure }
  | { readonly kind: 'interrupted' }
  /** The instance does not know the prompt any more, or cannot be asked. */
  | { readonly kind: 'lost'; readonly reason: string; readonly mayHaveRun: boolean }
  /** ComfyUI began it and does nothing any more, while its web server lives on. */
  | { readonly kind: 'worker_died' }
  /** Dropped from the instance's queue because that was asked for. */
  | { readonly kind: 'removed' }
  /** `isStopped` false: ComfyUI was asked to stop it and did not. */
  | { readonly kind: 'timed_out'; readonly reason: string; readonly isStopped: boolean }
