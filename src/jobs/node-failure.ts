import { isMissingClass, type NodeErrors } from '../comfyui/wire/answers.ts'
import type { NodeFailure } from '../comfyui/wire/messages.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import type { SubmitAnswer } from '../comfyui/comfyui-client.ts'
import type { FieldError } from '../errors/gateway-error.ts'
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

/** What ComfyUI found wrong with a prompt, node by node. Human words of ComfyUI, no tracebacks. */
export function fieldErrorsOf(nodeErrors: NodeErrors): FieldError[] {
  return Object.entries(nodeErrors ?? {}).flatMap(([id, { class_type, errors }]) =>
    errors.map((error) => {
      const input = error.extra_info?.input_name
      const details = error.details === input ? undefined : error.details
      return {
        code: error.type,
        message: withoutServerPaths([error.message, details].filter(Boolean).join(': ')),
        node: { id, classType: class_type ?? '', ...(typeof input === 'string' && { input }) },
      }
    }),
  )
}

type RefusedPrompt = Extract<SubmitAnswer, { kind: 'refused' }>

/**
 * Makes a job's error of a refused prompt. Where a parameter of the caller is behind the refusal it is the caller's to
 * mend; where none is, the workflow asks for what the instance does not have.
 */
export async function jobErrorOfRefusal(
  answer: Omit<RefusedPrompt, 'kind'>,
  nameParameters: (errors: readonly FieldError[]) => Promise<readonly FieldError[]>,
  prompt: Prompt = {},
): Promise<JobError> {
  const message = withoutServerPaths(answer.message)
  const errors = await nameParameters([...missingNode(answer, message, prompt), ...fieldErrorsOf(answer.nodeErrors)])
  const ofCaller = errors.filter(({ pointer }) => pointer !== undefined)
  if (ofCaller.length === 0 && isMissingClass(answer.errorType)) {
    const reason = errors.length === 0 ? message : errors.map((error) => error.message).join('; ')
    return { code: 'workflow_unavailable', message: `ComfyUI refused the workflow: ${reason}`, errors }
  }
  const named = ofCaller.map(({ pointer, message }) => `${pointer ?? ''}: ${message}`).join('; ')
  if (ofCaller.length === 0 && errors.length > 0 && errors.every(({ code }) => code === 'value_not_in_list')) {
    const lacks = errors.map(({ node, message }) => `node ${node?.id ?? ''} (${node?.classType ?? ''}): ${message}`)
    return { code: 'workflow_unavailable', message: `The instance lacks something: ${lacks.join('; ')}`, errors }
  }
  return { code: 'invalid_workflow', message: named || `ComfyUI refused the workflow: ${message}`, errors }
}

function missingNode(
  { errorType, missingNodeId }: Omit<RefusedPrompt, 'kind'>,
  message: string,
  prompt: Prompt,
): FieldError[] {
  if (missingNodeId === undefined) return []
  const classType = prompt[missingNodeId]?.class_type ?? ''
  return [{ code: errorType, message, node: { id: missingNodeId, classType } }]
}

/** Cuts absolute paths down to the last name in them; addresses with a scheme are left alone. */
export function withoutServerPaths(text: string): string {
  return text
    .replace(/(?<![\w:/.\\])\/(?:[^\s/:'"]+\/)+([^\s/:'"]*)/g, '$1')
    .replace(/\b[A-Za-z]:\\(?:[^\s\\:'"]+\\)*([^\s\\:'"]*)/g, '$1')
}
