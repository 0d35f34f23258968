import type { FieldError } from '../../errors/gateway-error.ts'
import { dottedName } from '../../lib/json-pointer.ts'
import { isDefaultAt } from '../parameters/input-leaves.ts'
import { traceParameters, type TraceOptions } from './trace-parameters.ts'

export interface NameParametersOptions extends TraceOptions {
  readonly errors: readonly FieldError[]
}

/**
 * Adds the parameter behind it to each error that names an input of a node. What cannot be traced stays, and so does a
 * name that no instance has where it comes from the default of a parameter: the workflow asks for it, not the caller.
 */
export async function nameParameters(options: NameParametersOptions): Promise<readonly FieldError[]> {
  const { errors, ...trace } = options
  if (!errors.some(isTraceable)) return errors
  try {
    const traced = await traceParameters(trace)
    return errors.map((error) => {
      if (!isTraceable(error) || error.node?.input === undefined) return error
      const pointers = traced.pointersOf(error.node.id, error.node.input)
      if (error.code !== 'value_not_in_list') return withPointer(error, pointers[0])
      const chosen = pointers.find((pointer) => !isDefaultAt(trace.schema, trace.input, pointer))
      return chosen === undefined ? withDefault(error, pointers[0]) : withPointer(error, chosen)
    })
  } catch {
    // The errors matter more than whose they are.
    return errors
  }
}

function withPointer(error: FieldError, pointer: string | undefined): FieldError {
  return pointer === undefined ? error : { pointer, ...error }
}

function withDefault(error: FieldError, pointer: string | undefined): FieldError {
  if (pointer === undefined) return error
  return { ...error, message: `${error.message}; it comes from the default of ${dottedName(pointer)}` }
}

function isTraceable(error: FieldError): boolean {
  return error.pointer === undefined && error.node?.input !== undefined
}
