import type { ErrorCode } from '../errors/error-catalogue.ts'
import type { FieldError } from '../errors/gateway-error.ts'
import { isMissingClass, type NodeErrors } from './wire/answers.ts'
import type { Prompt } from './wire/prompt.ts'
import type { RefusedPrompt } from './wire/read-refusal.ts'

/** Why a prompt is not run, for the caller. */
export interface ExplainedRefusal {
  readonly code: Extract<ErrorCode, 'invalid_workflow' | 'workflow_unavailable'>
  readonly message: string
  readonly errors: readonly FieldError[]
}

/** Adds the parameter behind it to each error that has one. */
export type NameParameters = (errors: readonly FieldError[]) => Promise<readonly FieldError[]>

/**
 * Says whose mistake a refusal is. Where a parameter of the caller is behind it, it is the caller's to mend; where none
 * is, the workflow asks for what the instance does not have.
 *
 * @param prompt the one that was refused
 */
export async function explainRefusal(
  answer: RefusedPrompt,
  nameParameters: NameParameters,
  prompt: Prompt = {},
): Promise<ExplainedRefusal> {
  const message = withoutServerPaths(answer.message)
  const found = [...missingNode(answer, message, prompt), ...fieldErrorsOf(answer.nodeErrors)]
  const named = await nameParameters(found.length > 0 ? found : [{ code: answer.errorType, message }])
  const { ofCaller = [], others = [] } = Object.groupBy(named, (error) =>
    error.pointer === undefined ? 'others' : 'ofCaller',
  )
  const errors = [...ofCaller, ...others]
  if (ofCaller.length === 0 && isMissingClass(answer.errorType)) {
    const reason = errors.map((error) => error.message).join('; ')
    return { code: 'workflow_unavailable', message: `ComfyUI does not take the workflow: ${reason}`, errors }
  }
  if (ofCaller.length === 0 && errors.length > 0 && errors.every(({ code }) => code === 'value_not_in_list')) {
    const lacks = errors.map(ofNode).join('; ')
    return { code: 'workflow_unavailable', message: `The workflow needs what is not there: ${lacks}`, errors }
  }
  if (ofCaller.length > 0) {
    const reasons = ofCaller.map(({ pointer, message }) => `${pointer ?? ''}: ${message}`)
    return { code: 'invalid_workflow', message: reasons.join('; '), errors }
  }
  const reason = errors.map(ofNode).join('; ')
  return { code: 'invalid_workflow', message: `ComfyUI does not take the workflow: ${reason}`, errors }
}

function ofNode({ node, message }: FieldError): string {
  if (node === undefined) return message
  const input = node.input === undefined ? '' : `, ${node.input}`
  return `node ${node.id} (${node.classType})${input}: ${message}`
}

/** ComfyUI runs the good outputs of a partly bad prompt. A workflow is wanted whole: what it would answer if it were so. */
export function partlyRefused(nodeErrors: NodeErrors): RefusedPrompt {
  return { errorType: 'partly_refused', message: 'Some outputs of the workflow were refused', nodeErrors }
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

function missingNode({ errorType, missingNodeId }: RefusedPrompt, message: string, prompt: Prompt): FieldError[] {
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
