import type { IncomingHttpHeaders } from 'node:http'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { ServedWorkflow } from '../../workflows/served-workflow.ts'
import type { CallOptions } from './call-option-table.ts'
import { optionOfTexts, readCallOptions } from './call-options.ts'
import { refuseComplexity } from './complexity.ts'
import { isRecord } from '../../lib/json-record.ts'
import { pointerTo } from '../../lib/json-pointer.ts'
import { parseJson } from './parse-json.ts'
import type { MultipartOptions } from './parse-multipart.ts'
import { readPart, takesPart } from './read-part.ts'
import { requireObject, type BodyPart, type ReceivedBody } from './received-body.ts'
import { refuseBrokenPart, refuseBrokenText } from './refuse-broken-text.ts'
import { refuseFields } from './refuse-fields.ts'

/** Parameters as the caller gave them, files as `ReceivedFile`s, and the options beside them. */
export interface RawCall {
  readonly parameters: Record<string, unknown>
  readonly options: CallOptions
}

export type FormParts = Pick<MultipartOptions, 'isText' | 'takesFile'>

type FormWorkflow = Pick<ServedWorkflow, 'parameterNames' | 'inputJsonSchema' | 'mediaFields'>

/**
 * Decides by key which form a body has: an object `input`, where no parameter has that name, is the envelope
 * `{ input: {…}, …options }`; everything else is the flat form, which has parameters only.
 * Options may come in headers with either form.
 * @throws GatewayError `malformed_body`, `validation_error`, `invalid_header`
 */
export function readBodyForm(
  body: ReceivedBody,
  workflow: FormWorkflow,
  headers: Readonly<IncomingHttpHeaders>,
): RawCall {
  const { parameters, beside } = split(body, workflow)
  return { parameters, options: readCallOptions(beside, headers) }
}

interface SplitBody {
  readonly parameters: Record<string, unknown>
  /** What stands beside `input`. */
  readonly beside: Readonly<Record<string, unknown>>
}

function split(body: ReceivedBody, workflow: FormWorkflow): SplitBody {
  switch (body.content.kind) {
    case 'json':
      return splitJson(body.content.value, workflow)
    case 'parts':
      return splitParts(body.content.parts, workflow)
  }
}

function splitJson(value: unknown, workflow: FormWorkflow): SplitBody {
  const body = requireObject(value)
  const { input, ...others } = body
  if (!isRecord(input) || workflow.parameterNames.includes('input')) return { parameters: body, beside: {} }
  return { parameters: input, beside: others }
}

/** Parts named like parameters are the flat form; with a part `input` (JSON) beside them, other names may be options. */
function splitParts(parts: readonly BodyPart[], workflow: FormWorkflow): SplitBody {
  for (const { name, content } of parts) if (content.kind === 'text') refuseBrokenPart(name, content.text)
  const inputPart = parts.find(({ name }) => isInputPart(name, workflow))
  const named = groupByName(parts.filter((part) => part !== inputPart))
  if (inputPart === undefined) return { parameters: readParts(named, workflow), beside: {} }

  const input = parseInputPart(inputPart)
  const beside = Object.fromEntries(
    [...named]
      .filter(([name]) => !workflow.parameterNames.includes(name))
      .map(([name, group]) => [name, readOption(name, group)]),
  )
  for (const name of Object.keys(beside)) named.delete(name)
  const repeated = [...named.keys()].filter((name) => Object.hasOwn(input, name))
  refuseFields(
    repeated.map((name) => ({
      pointer: pointerTo(name),
      code: 'given_twice',
      message: 'is in `input` and is a part as well',
    })),
  )
  return { parameters: { ...input, ...readParts(named, workflow) }, beside }
}

/** Whether a part of this name holds the parameters as JSON. */
function isInputPart(name: string, workflow: FormWorkflow): boolean {
  return name === 'input' && !workflow.parameterNames.includes('input')
}

/** What the parts of a form for a workflow may be. */
export function formPartsOf(workflow: FormWorkflow): FormParts {
  return {
    isText: (name) => isInputPart(name, workflow),
    takesFile: (name) => workflow.mediaFields.some(({ path }) => path[0] === name && takesPart(path)),
  }
}

function readParts(named: ReadonlyMap<string, readonly BodyPart[]>, workflow: FormWorkflow): Record<string, unknown> {
  const entries = [...named].flatMap(([name, group]): [string, unknown][] => {
    const value = readPart(name, group, workflow)
    for (const { content } of group) if (content.kind === 'text') refuseBrokenText({ [name]: value }, content.text)
    return value === undefined ? [] : [[name, value]]
  })
  return Object.fromEntries(entries)
}

function parseInputPart(part: BodyPart): Record<string, unknown> {
  if (part.content.kind === 'file')
    throw new GatewayError('malformed_body', { detail: 'The part `input` must be a JSON object.' })
  const input = parseJson(Buffer.from(part.content.text))
  refuseComplexity(input)
  refuseBrokenText({ input }, part.content.text)
  if (!isRecord(input)) throw new GatewayError('malformed_body', { detail: 'The part `input` must be a JSON object.' })
  return input
}

function readOption(name: string, group: readonly BodyPart[]): unknown {
  const texts = group.map(({ content }) => (content.kind === 'text' ? content.text : undefined))
  return texts.every((text) => text !== undefined) ? optionOfTexts(name, texts) : null
}

function groupByName(parts: readonly BodyPart[]): Map<string, BodyPart[]> {
  return Map.groupBy(parts, ({ name }) => name)
}
