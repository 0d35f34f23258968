import { z } from 'zod'
import { type FieldError, GatewayError } from '../../errors/gateway-error.ts'
import { describeIssue } from './describe-issue.ts'
import type { CheckKeys } from './inspect-schema.ts'
import { dottedName, pointerBelow, pointerTo } from '../../lib/json-pointer.ts'

/** More than a person reads; a body of 100 000 unknown keys must not make a bigger answer. */
const maxErrors = 50

type ParseResult =
  | { readonly success: true; readonly data: unknown }
  | { readonly success: false; readonly issues: readonly z.core.$ZodIssue[] }

/**
 * Checks parameters against a schema and fills in its defaults.
 * @throws GatewayError `validation_error` with one entry per problem; what the schema itself throws
 */
export function parseParameters(schema: z.ZodType, checkKeys: CheckKeys | undefined, raw: unknown): unknown {
  return checkParameters(raw, checkKeys, () => {
    const result = z.safeParse(schema, raw, { error: describeIssue, reportInput: true })
    return result.success ? result : { success: false, issues: result.error.issues }
  })
}

/**
 * Checks the names of parameters, then the parameters themselves with `parse`.
 * @throws GatewayError `validation_error` with one entry per problem of either; what `parse` throws
 */
export function checkParameters(raw: unknown, checkKeys: CheckKeys | undefined, parse: () => ParseResult): unknown {
  const errors: FieldError[] = []
  checkKeys?.(raw, '', (error) => errors.push(error))
  const result = parse()
  if (result.success && errors.length === 0) return result.data
  if (!result.success) {
    const reported = new Set(errors.map((error) => error.pointer))
    for (const issue of result.issues) {
      for (const error of fieldErrors(issue)) {
        if (error.code !== 'unknown_parameter' || !reported.has(error.pointer)) errors.push(error)
      }
    }
  }
  throw new GatewayError('validation_error', { detail: summarise(errors), errors: errors.slice(0, maxErrors) })
}

function fieldErrors(issue: z.core.$ZodIssue): readonly FieldError[] {
  const pointer = pointerTo(...issue.path)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: pointerBelow(pointer, key),
      code: 'unknown_parameter',
      message: `unknown parameter "${key}"`,
    }))
  }
  return [{ pointer, code: codeOf(issue), message: issue.message }]
}

/** Stable across versions of Zod: callers may depend on these. */
function codeOf(issue: z.core.$ZodIssue): string {
  const isValueMissing = (issue.code === 'invalid_type' || issue.code === 'invalid_value') && issue.input === undefined
  if (isValueMissing) return 'missing_parameter'
  switch (issue.code) {
    case 'invalid_type':
    case 'too_big':
    case 'too_small':
    case 'invalid_format':
    case 'not_multiple_of':
    case 'invalid_value':
      return issue.code
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
      return 'invalid_value'
    case 'unrecognized_keys':
      return 'unknown_parameter'
    case 'custom':
      return 'refused_value'
  }
}

function summarise(errors: readonly FieldError[]): string {
  const [first] = errors
  if (first === undefined) return 'the parameters are refused'
  const name = dottedName(first.pointer ?? '')
  const isNamed = name === '' || first.code === 'unknown_parameter'
  const text = isNamed ? first.message : `${name} ${first.message}`
  if (errors.length === 1) return text
  return `${text} (and ${errors.length - 1} more ${errors.length === 2 ? 'problem' : 'problems'})`
}
