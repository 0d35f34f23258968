import { withoutServerPaths } from '../comfyui/explain-refusal.ts'
import type { NodeFailure } from '../comfyui/wire/messages.ts'
import type { JobError } from './job.ts'

/** Makes a job's error of an exception that a node raised. Server paths and tracebacks stay behind. */
export function jobErrorOfNodeFailure(failure: NodeFailure): JobError {
  const exceptionType = failure.exception_type ?? 'unknown'
  const message = withoutServerPaths((failure.exception_message ?? '').trim())
  const node = { id: failure.node_id ?? '', classType: failure.node_type ?? '', exceptionType, message }
  const isOutOfMemory =
    exceptionType.includes('OutOfMemory') || /^(Allocation on device|.*out of memory)/i.test(message)
  return {
    code: isOutOfMemory ? 'out_of_memory' : 'execution_error',
    message: `Node ${node.id} (${node.classType}) failed: ${message || exceptionType}`,
    node,
  }
}
