import { z } from 'zod'
import { GatewayError, type FieldError } from '../../errors/gateway-error.ts'
import { nearestName } from '../../lib/nearest-name.ts'
import type { ServedWorkflow } from '../../workflows/served-workflow.ts'
import { isRecord, pointerTo } from './json-record.ts'
import { parseJson } from './parse-json.ts'
import { readPart } from './read-part.ts'
import type { BodyPart, ReceivedBody } from './received-body.ts'
import { refuseComplexity } from './complexity.ts'

const maxPriority = 100

/** What may stand beside `input` in the envelope form. */
const optionsSchema = z.object({
  previews: z.boolean().default(false),
  priority: z.int().min(-maxPriority).max(maxPriority).default(0),
  retry: z.boolean().default(true),
})

export type CallOptions = Readonly<z.infer<typeof optionsSchema>>

/** For a person whose option is wrong. */
const optionRules: Readonly<Record<keyof CallOptions, string>> = {
  previews: 'must be true or false',
  priority: `must be a whole number from -${maxPriority} to ${maxPriority}; higher ones run first`,
  retry: 'must be true or false; false means that the job is never submitted a second time',
}
const optionNames = optionsSchema.keyof().options

/** Parameters as the caller gave them, files as Buffers, and the options beside them. */
export interface RawCall {
  readonly parameters: Record<string, unknown>
  readonly options: CallOptions
}

type FormWorkflow = Pick<ServedWorkflow, 'parameterNames' | 'inputJsonSchema' | 'mediaFields'>

const noOptions: CallOptions = optionsSchema.parse({})

/**
 * Decides by key which form a body has: an object `input`, where no parameter has that name, is the envelope
 * `{ input: {…}, …options }`; everything else is the flat form, which has parameters only.
 * @throws GatewayError `malformed_body`, `validation_error`
 */
export function readBodyForm(body: ReceivedBody, workflow: FormWorkflow): RawCall {
  switch (body.content.kind) {
    case 'json':
      return readJsonForm(body.content.value, workflow)
    case 'parts':
      return readPartsForm(body.content.parts, workflow)
  }
}

function readJsonForm(value: unknown, workflow: FormWorkflow): RawCall {
  if (!isRecord(value)) throw new GatewayError('malformed_body', { detail: 'The body must be a JSON object.' })
  const { input, ...others } = value
  if (!isRecord(input) || workflow.parameterNames.includes('input')) return { parameters: value, options: noOptions }
  return { parameters: input, options: readOptions(others) }
}

/** Parts named like parameters are the flat form; with a part `input` (JSON) beside them, other names may be options. */
function readPartsForm(parts: readonly BodyPart[], workflow: FormWorkflow): RawCall {
  const inputPart = workflow.parameterNames.includes('input') ? undefined : parts.find(({ name }) => name === 'input')
  const named = groupByName(parts.filter((part) => part !== inputPart))
  if (inputPart === undefined) return { parameters: readParts(named, workflow), options: noOptions }

  const input = parseInputPart(inputPart)
  const options = Object.fromEntries(
    [...named]
      .filter(([name]) => !workflow.parameterNames.includes(name))
      .map(([name, group]) => [name, readOption(group)]),
  )
  for (const name of Object.keys(options)) named.delete(name)
  const repeated = [...named.keys()].filter((name) => Object.hasOwn(input, name))
  if (repeated.length > 0) {
    throw validationError(
      repeated.map((name) => ({
        pointer: pointerTo(name),
        code: 'given_twice',
        message: 'is in `input` and is a part as well',
      })),
    )
  }
  return { parameters: { ...input, ...readParts(named, workflow) }, options: readOptions(options) }
}

function readParts(named: ReadonlyMap<string, readonly BodyPart[]>, workflow: FormWorkflow): Record<string, unknown> {
  const properties = workflow.inputJsonSchema['properties']
  const entries = [...named].map(([name, group]): [string, unknown] => {
    const schema = isRecord(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined
    return [name, readPart(name, group, schema, workflow)]
  })
  return Object.fromEntries(entries)
}

function parseInputPart(part: BodyPart): Record<string, unknown> {
  const input = parseJson(part.content.kind === 'text' ? Buffer.from(part.content.text) : part.content.bytes)
  refuseComplexity(input)
  if (!isRecord(input)) throw new GatewayError('malformed_body', { detail: 'The part `input` must be a JSON object.' })
  return input
}

function readOption(group: readonly BodyPart[]): unknown {
  const [part] = group
  if (group.length !== 1 || part?.content.kind !== 'text') return undefined
  const { text } = part.content
  if (text === 'true' || text === 'false') return text === 'true'
  return /^-?\d+$/.test(text) ? Number(text) : text
}

function readOptions(options: Readonly<Record<string, unknown>>): CallOptions {
  const unknown = Object.keys(options).filter((name) => !optionNames.some((known) => known === name))
  const read = optionsSchema.safeParse(options)
  const wrong = (read.error?.issues ?? []).map(({ path }) => wrongOption(String(path[0])))
  const errors = [...unknown.map(unknownOption), ...wrong]
  if (read.data === undefined || errors.length > 0) throw validationError(errors)
  return read.data
}

function wrongOption(name: string): FieldError {
  const rule = optionNames.find((known) => known === name)
  return {
    pointer: pointerTo(name),
    code: 'invalid_option',
    message: rule === undefined ? 'is wrong' : optionRules[rule],
  }
}

function unknownOption(name: string): FieldError {
  const near = nearestName(name, optionNames)
  return {
    pointer: pointerTo(name),
    code: 'unknown_option',
    message:
      `is no option; beside \`input\` there may be ${optionNames.join(', ')}` +
      (near === undefined ? '; parameters belong into `input`' : `; did you mean \`${near}\`?`),
  }
}

function groupByName(parts: readonly BodyPart[]): Map<string, BodyPart[]> {
  return Map.groupBy(parts, ({ name }) => name)
}

function validationError(errors: readonly FieldError[]): GatewayError {
  const [first] = errors
  return new GatewayError('validation_error', {
    detail:
      errors.length === 1 && first !== undefined
        ? `${first.pointer ?? ''} ${first.message}`
        : `${errors.length} things are wrong.`,
    errors,
  })
}
