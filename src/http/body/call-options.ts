import type { IncomingHttpHeaders } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { GatewayError, type FieldError } from '../../errors/gateway-error.ts'
import { pointerTo } from '../../lib/json-pointer.ts'
import { nearestName } from '../../lib/nearest-name.ts'
import {
  callOptions,
  defaultOptions,
  givenSchema,
  optionNames,
  type CallOptions,
  type GivenOptions,
  type OptionName,
} from './call-option-table.ts'
import { refuseFields } from './refuse-fields.ts'

/** What the options stand beside. */
type MainField = 'input' | 'prompt' | 'nothing'

const belongings: Readonly<Record<MainField, string>> = {
  input: 'parameters belong into `input`',
  prompt: 'nodes belong into `prompt`',
  nothing: 'the rest is that of the job',
}

/**
 * The options that a call gave, beside `input` (nothing in the flat form) or in headers.
 * @throws GatewayError `validation_error` naming the option, also when a header says something else; `invalid_header`
 */
export function readGivenOptions(
  envelope: Readonly<Record<string, unknown>>,
  headers: Readonly<IncomingHttpHeaders>,
  main: MainField = 'input',
): GivenOptions {
  const beside = read(envelope, (name, message) => ({ pointer: pointerTo(name), code: 'invalid_option', message }))
  refuseFields([
    ...Object.keys(envelope)
      .filter(isUnknown)
      .map((name) => unknownOption(name, main)),
    ...beside.errors,
  ])
  const sent = read(headerValues(headers), (name, message) => ({
    code: 'invalid_header',
    message: `${callOptions[name].header} ${message}`,
  }))
  refuseHeaders(sent.errors)
  refuseFields(optionNames.flatMap((name) => contradiction(name, beside.given, sent.given)))
  return { ...sent.given, ...beside.given }
}

/** The same with the defaults filled in. */
export function readCallOptions(
  envelope: Readonly<Record<string, unknown>>,
  headers: Readonly<IncomingHttpHeaders>,
  main?: MainField,
): CallOptions {
  return { ...defaultOptions, ...readGivenOptions(envelope, headers, main) }
}

/** What the parts of a multipart body with the name of an option say; several of one name are one list. */
export function optionOfTexts(name: string, texts: readonly string[]): unknown {
  const known = optionNames.find((candidate) => candidate === name)
  return known === undefined ? texts.join(',') : callOptions[known].fromText(texts.join(','))
}

function read(
  values: Readonly<Record<string, unknown>>,
  explain: (name: OptionName, message: string) => FieldError,
): { given: GivenOptions; errors: FieldError[] } {
  // Most calls give none, and asking the schema about nothing is not free.
  if (Object.keys(values).length === 0) return { given: {}, errors: [] }
  const result = givenSchema.safeParse(values)
  if (result.success) return { given: result.data, errors: [] }
  const { issues } = result.error
  const errors = optionNames.flatMap((name) => {
    const issue = issues.find(({ path }) => path[0] === name)
    // A mistake of its own is told in its own words.
    return issue === undefined ? [] : [explain(name, issue.code === 'custom' ? issue.message : callOptions[name].rule)]
  })
  return { given: {}, errors }
}

/** Names of headers as Node.js has them. */
const lowerCaseHeaders = new Map(optionNames.map((name) => [name, callOptions[name].header.toLowerCase()]))

function headerValues(headers: Readonly<IncomingHttpHeaders>): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [name, header] of lowerCaseHeaders) {
    const sent = headers[header]
    if (sent !== undefined) values[name] = callOptions[name].fromText(String(sent))
  }
  return values
}

function refuseHeaders(errors: readonly FieldError[]): void {
  if (errors.length === 0) return
  throw new GatewayError('invalid_header', { detail: `${errors.map(({ message }) => message).join('. ')}.`, errors })
}

function contradiction(name: OptionName, beside: GivenOptions, sent: GivenOptions): FieldError[] {
  if (beside[name] === undefined || sent[name] === undefined) return []
  if (isDeepStrictEqual(beside[name], sent[name])) return []
  const message = `says something else than the header ${callOptions[name].header}; give one of them`
  return [{ pointer: pointerTo(name), code: 'option_conflict', message }]
}

function isUnknown(name: string): boolean {
  return !optionNames.some((known) => known === name)
}

function unknownOption(name: string, main: MainField): FieldError {
  const near = nearestName(name, optionNames)
  return {
    pointer: pointerTo(name),
    code: 'unknown_option',
    message:
      `is no option; ${main === 'nothing' ? '' : `beside \`${main}\` `}there may be ${optionNames.join(', ')}` +
      (near === undefined ? `; ${belongings[main]}` : `; did you mean \`${near}\`?`),
  }
}
