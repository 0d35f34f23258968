import { GatewayError } from '../../errors/gateway-error.ts'
import type { MediaField, ServedWorkflow } from '../../workflows/served-workflow.ts'
import { refuseComplexity } from './complexity.ts'
import { isRecord } from '../../lib/json-record.ts'
import { pointerTo } from '../../lib/json-pointer.ts'
import { parseJson } from './parse-json.ts'
import { isOptional, parameterSchema, takesEmptyText, typesOf } from '../../workflows/parameters/parameter-schemas.ts'
import type { BodyPart } from './received-body.ts'
import { fieldRefusal } from './refuse-fields.ts'

/**
 * The value of a parameter that came as one part, or as several of the same name. Text becomes what the JSON Schema of
 * the parameter wants; where that is not clear it stays text, and the workflow's own check has the last word.
 * `undefined`: it was left out. A form sends its empty fields too, so an empty text for an optional parameter that can
 * be no empty text says nothing.
 * @throws GatewayError `validation_error` for a file where no media belong, `too_complex`
 */
export function readPart(
  name: string,
  group: readonly BodyPart[],
  workflow: Pick<ServedWorkflow, 'inputJsonSchema' | 'mediaFields'>,
): unknown {
  const root = workflow.inputJsonSchema
  const schema = parameterSchema(name, root)
  const field = workflow.mediaFields.find(({ path }) => path[0] === name)
  if (isLeftOut(group) && isOptional(name, root) && (field !== undefined || !takesEmptyText(schema, root)))
    return undefined
  if (field === undefined || !takesPart(field.path)) return readTexts(name, group, schema, root)
  if (field.path.length === 1) return single(group.map((part) => mediaValue(part)))
  const [only] = group
  const list = group.length === 1 && only?.content.kind === 'text' ? parseAs(only.content.text, ['array']) : undefined
  return Array.isArray(list) ? list : group.map((part) => mediaValue(part))
}

/** Whether media at this place of the parameters may come as parts: as one, or as one for each member of a list. */
export function takesPart(path: MediaField['path']): boolean {
  return path.length === 1 || (path.length === 2 && path[1] === '*')
}

function readTexts(name: string, group: readonly BodyPart[], schema: unknown, root: Record<string, unknown>): unknown {
  const texts = group.map((part) => {
    if (part.content.kind === 'file') {
      throw fieldRefusal({ pointer: pointerTo(name), code: 'file_not_allowed', message: 'takes no file' })
    }
    return part.content.text
  })
  const types = typesOf(schema, root)
  if (!types.includes('array') || (texts.length === 1 && texts[0]?.trimStart().startsWith('['))) {
    return single(texts.map((text) => parseAs(text, types)))
  }
  const itemTypes = typesOf(isRecord(schema) ? schema['items'] : undefined, root)
  return texts.map((text) => parseAs(text, itemTypes))
}

function isLeftOut([only, second]: readonly BodyPart[]): boolean {
  return only?.content.kind === 'text' && only.content.text === '' && second === undefined
}

function single(values: readonly unknown[]): unknown {
  return values.length === 1 ? values[0] : values
}

function mediaValue({ content }: BodyPart): unknown {
  if (content.kind === 'file') return content.file
  const { text } = content
  // No other text for media begins like this.
  return text.trimStart().startsWith('{') ? parseAs(text, ['object']) : text
}

/** Reads a text as one of the JSON types; a text that is none of them stays a text. */
function parseAs(text: string, types: readonly string[]): unknown {
  for (const type of types) {
    const value = readers[type]?.(text.trim())
    if (value === undefined || (types.includes('string') && isRounded(value, text))) continue
    return value
  }
  return text
}

const readers: Readonly<Record<string, (text: string) => unknown>> = {
  null: (text) => (text === 'null' ? null : undefined),
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  integer: readNumber,
  number: readNumber,
  array: (text) => readJson(text, Array.isArray),
  object: (text) => readJson(text, isRecord),
}

function readNumber(text: string): number | undefined {
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined
}

/** A whole number that a double cannot hold, such as a large seed: a parameter that takes text as well gets the text. */
function isRounded(value: unknown, text: string): boolean {
  return typeof value === 'number' && /^\s*-?\d+\s*$/.test(text) && !Number.isSafeInteger(value)
}

function readJson(text: string, isWanted: (value: unknown) => boolean): unknown {
  try {
    const value = parseJson(Buffer.from(text))
    refuseComplexity(value)
    return isWanted(value) ? value : undefined
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'too_complex') throw error
    return undefined
  }
}
