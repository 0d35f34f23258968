import { z } from 'zod'
import { nearestName } from '../../lib/nearest-name.ts'
import { definitionOf } from './inspect-schema.ts'

const maxShownCharacters = 80
const maxShownChoices = 60

/**
 * Words for what Zod found, naming limit and received value; to be read after the name of the parameter. Texts that the
 * author of a schema gave are kept by Zod and never come here.
 */
export function describeIssue(issue: z.core.$ZodRawIssue | z.core.$ZodIssue): string | undefined {
  const received = show(issue.input)
  const isMissing = issue.input === undefined
  switch (issue.code) {
    case 'invalid_type':
      return isMissing
        ? 'is required'
        : `must be ${typeName(takesWholeNumbers('schema' in issue ? issue.schema : undefined) ? 'int' : issue.expected)}; got ${received}`
    case 'invalid_value':
      return isMissing
        ? 'is required'
        : `must be ${choices(issue.values)}; got ${received}${hint(issue.values, issue.input)}`
    case 'too_big':
      return describeLimit(issue.origin, 'most', issue.maximum, issue.inclusive !== false, issue.input)
    case 'too_small':
      return describeLimit(issue.origin, 'least', issue.minimum, issue.inclusive !== false, issue.input)
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}; got ${received}`
    case 'invalid_format':
      return issue.pattern === undefined
        ? `must be a valid ${issue.format}; got ${received}`
        : `must match the ${issue.format} pattern ${issue.pattern}; got ${received}`
    case 'invalid_union':
      return `matches none of the allowed forms; got ${received}`
    case 'invalid_key':
    case 'invalid_element':
      return `has a part that is not allowed; got ${received}`
    case 'custom':
      return `is not allowed; got ${received}`
    default:
      return undefined
  }
}

function describeLimit(
  origin: string | undefined,
  side: 'most' | 'least',
  limit: number | bigint | undefined,
  isInclusive: boolean,
  input: unknown,
): string {
  if (typeof input === 'string' || Array.isArray(input)) {
    const unit = typeof input === 'string' ? 'character' : 'element'
    return `must have at ${side} ${limit} ${unit}${limit === 1 ? '' : 's'}; got ${input.length}`
  }
  if (origin !== 'number' && origin !== 'int' && origin !== 'bigint')
    return `must be at ${side} ${limit}; got ${show(input)}`
  const bound = isInclusive ? `at ${side} ${limit}` : `${side === 'most' ? 'less' : 'more'} than ${limit}`
  return `must be ${bound}; got ${show(input)}`
}

/** Zod asks for a number first, and for a whole one only when it has got a number. */
function takesWholeNumbers(schema: unknown): boolean {
  if (!(schema instanceof z.core.$ZodType)) return false
  const definition = definitionOf(schema)
  if (definition.type !== 'number') return false
  const formats = [definition, ...(definition.checks ?? []).map((check) => check._zod.def)]
  return formats.some((each) => 'format' in each && (each.format === 'safeint' || each.format === 'int32'))
}

function typeName(expected: string | undefined): string {
  switch (expected) {
    case 'int':
      return 'a whole number'
    case 'string':
      return 'a text'
    case 'boolean':
      return 'true or false'
    case 'array':
    case 'tuple':
      return 'a list'
    case 'object':
    case 'record':
      return 'an object'
    case 'null':
      return 'null'
    case undefined:
      return 'of another type'
    default:
      return `a ${expected}`
  }
}

function choices(values: readonly unknown[] | undefined): string {
  const shown = (values ?? []).slice(0, maxShownChoices).map(show)
  const [only] = shown
  if (shown.length === 1 && only !== undefined) return only
  const rest = (values ?? []).length - shown.length
  return `one of ${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

function hint(values: readonly unknown[] | undefined, input: unknown): string {
  if (typeof input !== 'string') return ''
  const texts = (values ?? []).filter((value) => typeof value === 'string')
  const nearest = nearestName(input, texts)
  return nearest === undefined ? '' : `; did you mean ${show(nearest)}?`
}

/** A value as JSON, cut short: callers send whole images. */
function show(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > maxShownCharacters
      ? `${JSON.stringify(value.slice(0, maxShownCharacters))}… (${value.length} characters)`
      : JSON.stringify(value)
  }
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}
