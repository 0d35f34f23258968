import type { FieldError } from '../../errors/gateway-error.ts'
import { traceParameters, type TraceOptions } from './trace-parameters.ts'

export interface NameParametersOptions extends TraceOptions {
  readonly errors: readonly FieldError[]
}

/** Adds the parameter behind it to each error that names an input of a node. What cannot be traced stays. */
export async function nameParameters(options: NameParametersOptions): Promise<readonly FieldError[]> {
  const { errors, ...trace } = options
  if (!errors.some(isTraceable)) return errors
  try {
    const traced = await traceParameters(trace)
    return errors.map((error) => {
      if (!isTraceable(error) || error.node?.input === undefined) return error
      const [pointer] = traced.pointersOf(error.node.id, error.node.input)
      return pointer === undefined ? error : { pointer, ...error }
    })
  } catch {
    // The errors matter more than whose they are.
    return errors
  }
}

function isTraceable(error: FieldError): boolean {
  return error.pointer === undefined && error.node?.input !== undefined
}
