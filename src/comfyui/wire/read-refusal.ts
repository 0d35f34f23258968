import type { z } from 'zod'
import type { NodeErrors, submitRefusedSchema } from './answers.ts'

/** What ComfyUI says of a prompt that it does not take. */
export interface RefusedPrompt {
  /** ComfyUI's own word. */
  readonly errorType: string
  /** For a person. */
  readonly message: string
  readonly nodeErrors: NodeErrors
  /** The first node whose class it does not have, where that is the reason. */
  readonly missingNodeId?: string
}

/** Reads the body of a refusal. */
export function readRefusal({ error, node_errors }: z.infer<typeof submitRefusedSchema>): RefusedPrompt {
  if (typeof error === 'string') return { errorType: 'refused', message: error, nodeErrors: node_errors }
  const missingNodeId = missingNodeOf(error)
  return {
    errorType: error.type,
    message: [error.message, error.details].filter(Boolean).join(': '),
    nodeErrors: node_errors,
    ...(missingNodeId !== undefined && { missingNodeId }),
  }
}

/** Old servers name the node only in a text: `Node ID '#7'`. */
function missingNodeOf(error: Exclude<z.infer<typeof submitRefusedSchema>['error'], string>): string | undefined {
  const id = error.extra_info?.['node_id']
  if (error.type === 'missing_node_type') return typeof id === 'string' ? id : undefined
  return error.type === 'invalid_prompt' ? /^Node ID '#(.*)'$/s.exec(error.details ?? '')?.[1] : undefined
}
