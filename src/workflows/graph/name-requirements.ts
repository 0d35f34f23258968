import { isMissingClass } from '../../comfyui/wire/answers.ts'
import type { FieldError } from '../../errors/gateway-error.ts'
import type { RequiredModel, RequiredNode, WorkflowGraph, WorkflowMetadata } from '../workflow-definition.ts'

export interface NameRequirementsOptions {
  readonly errors: readonly FieldError[]
  readonly metadata: WorkflowMetadata | undefined
  /** The graph that was refused. */
  readonly graph: () => Promise<WorkflowGraph>
}

/**
 * Adds to errors about a class or a model that an instance does not have where it is to be had, as far as the module
 * says so, and to the former the class.
 */
export async function nameRequirements(options: NameRequirementsOptions): Promise<readonly FieldError[]> {
  const { errors, metadata = {} } = options
  if (!errors.some(({ code }) => isMissingClass(code) || code === 'value_not_in_list')) return errors
  let graph: WorkflowGraph
  try {
    graph = await options.graph()
  } catch {
    // The errors matter more than where to get what is missing.
    return errors
  }
  return errors.map((error) => {
    const node = graph[error.node?.id ?? '']
    if (error.node === undefined || node === undefined) return error
    if (isMissingClass(error.code)) {
      const classType = node.class_type
      const pack = metadata.requiredNodes?.find(({ classTypes }) => classTypes?.includes(classType))
      const message = pack === undefined ? error.message : withHint(error.message, describePack(classType, pack))
      return { ...error, message, node: { ...error.node, classType } }
    }
    const value = error.code === 'value_not_in_list' ? node.inputs[error.node.input ?? ''] : undefined
    const model = metadata.requiredModels?.find(({ name }) => name === value)
    return model === undefined ? error : { ...error, message: withHint(error.message, describeModel(model)) }
  })
}

function withHint(message: string, hint: string): string {
  return `${message}${message.endsWith('.') ? '' : '.'} ${hint}`
}

function describePack(classType: string, { pack, url }: RequiredNode): string {
  return `${classType} is in the node pack ${pack}${url === undefined ? '' : `: ${url}`}`
}

function describeModel({ name, directory, url }: RequiredModel): string {
  const parts = [
    ...(directory === undefined ? [] : [`belongs into models/${directory}`]),
    ...(url === undefined ? [] : [`can be had at ${url}`]),
  ]
  return `${name} ${parts.length === 0 ? 'is needed' : parts.join(' and ')}`
}
