import type { z } from 'zod'
import { defaultErrorMap, type ZodIssue } from 'zod/v3'
import { describeIssue } from '../describe-issue.ts'

/**
 * An issue of Zod 3 as Zod 4 would have reported it, in the same words. Texts that the author of the schema gave stay.
 *
 * @param input the value at the path of the issue
 */
export function translateIssue(issue: ZodIssue, input: unknown): z.core.$ZodIssue {
  const isAuthors = issue.message !== defaultErrorMap(issue, { data: input, defaultError: 'Invalid input' }).message
  const translated = translate(issue, input)
  return isAuthors ? translated : { ...translated, message: describeIssue(translated) ?? issue.message }
}

function translate(issue: ZodIssue, input: unknown): z.core.$ZodIssue {
  const { path, message } = issue
  const about = { path, message, input }
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, about)
    case 'invalid_literal':
      return { code: 'invalid_value', values: [primitive(issue.expected)], ...about }
    case 'invalid_enum_value':
    case 'invalid_union_discriminator':
      return { code: 'invalid_value', values: issue.options, ...about }
    case 'invalid_string':
      return { code: 'invalid_format', format: formatOf(issue.validation), ...about, input: String(input) }
    case 'too_small': {
      const { type: origin, minimum, inclusive, exact } = issue
      return { code: 'too_small', origin, minimum, inclusive, ...(exact !== undefined && { exact }), ...about }
    }
    case 'too_big': {
      const { type: origin, maximum, inclusive, exact } = issue
      return { code: 'too_big', origin, maximum, inclusive, ...(exact !== undefined && { exact }), ...about }
    }
    case 'not_multiple_of':
      return { code: 'not_multiple_of', divisor: Number(issue.multipleOf), ...about, input: Number(input) }
    case 'unrecognized_keys':
      return { code: 'unrecognized_keys', keys: issue.keys, ...about, input: {} }
    case 'invalid_union':
      return { code: 'invalid_union', errors: [], ...about }
    case 'invalid_date':
      return { code: 'invalid_type', expected: 'date', ...about }
    case 'not_finite':
    case 'invalid_arguments':
    case 'invalid_return_type':
    case 'invalid_intersection_types':
    case 'custom':
      return { code: 'custom', ...about }
  }
}

/** Zod 3 says of an enum that gets no text which type it expects by listing its members in quotes. */
function wrongType(
  expected: string,
  about: { path: PropertyKey[]; message: string; input: unknown },
): z.core.$ZodIssue {
  if (expected.startsWith("'")) {
    const values = expected.split(' | ').map((member) => member.slice(1, -1))
    return { code: 'invalid_value', values, ...about }
  }
  return { code: 'invalid_type', expected: expected === 'integer' ? 'int' : expected, ...about }
}

function formatOf(validation: Extract<ZodIssue, { code: 'invalid_string' }>['validation']): string {
  if (validation === 'regex') return 'text for this parameter'
  if (typeof validation === 'string') return validation
  if ('includes' in validation) return `text with ${JSON.stringify(validation.includes)} in it`
  if ('startsWith' in validation) return `text that begins with ${JSON.stringify(validation.startsWith)}`
  return `text that ends with ${JSON.stringify(validation.endsWith)}`
}

function primitive(value: unknown): string | number | boolean | null | undefined {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value
    default:
      return value === null ? null : undefined
  }
}
