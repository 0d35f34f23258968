import type { IncomingHttpHeaders } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { GatewayError, type FieldError } from '../../errors/gateway-error.ts'
import { nearestName } from '../../lib/nearest-name.ts'
import { jobIdPattern, jobTagPattern, maxJobTags } from '../../jobs/job.ts'
import { conversionOfText, imageConversionRule, imageConversionSchema } from '../../outputs/image-conversion.ts'
import { pointerTo } from '../../lib/json-pointer.ts'
import { refuseFields } from './refuse-fields.ts'

/** One option of a call. It may stand beside `input` in the envelope, or come in a header with any form of body. */
interface CallOption {
  /** Of the value in the envelope. Its description is shown in the OpenAPI document. */
  readonly schema: z.ZodType
  /** The value where none is given; without it the option is left out of what was read. */
  readonly absent?: unknown
  /** For a person whose value is wrong: follows the name of the option or of the header. */
  readonly rule: string
  readonly header: string
  /** Of the text in the header, where that differs from what stands in the envelope. */
  readonly headerSchema?: z.ZodType
  /** Makes what `schema` reads of the text of a header, or of the texts of the parts of a multipart body. */
  readonly fromText: (text: string) => unknown
}

const maxPriority = 100
const maxDeadlineSeconds = 30 * 24 * 60 * 60
const secondsPerUnit: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

/** Gives milliseconds. */
const deadlineSchema = z
  .union([z.number(), z.string().regex(/^\d{1,7}(\.\d{1,3})?[smh]$/)])
  .transform(
    (given) => 1000 * (typeof given === 'number' ? given : parseFloat(given) * (secondsPerUnit[given.slice(-1)] ?? 1)),
  )
  .refine((ms) => ms >= 1 && ms <= maxDeadlineSeconds * 1000)
  .transform(Math.round)

/** Every option of a call. What stands here is read, checked and documented; nothing else has to know of it. */
const table = {
  id: {
    schema: z
      .string()
      .regex(jobIdPattern)
      .describe('The id that the job gets. The same id with the same body is the same job.'),
    rule: 'must be 1 to 128 letters, digits, - or _',
    header: 'Job-Id',
    fromText: (text) => text,
  },
  tags: {
    schema: z
      .array(z.string().regex(jobTagPattern))
      .max(maxJobTags)
      .transform((tags) => [...new Set(tags)])
      .describe('Marks by which jobs can be listed.'),
    absent: [],
    rule: `must be at most ${maxJobTags} tags, each of 1 to 64 letters, digits, _, ., : or -`,
    header: 'Job-Tags',
    fromText: toList,
  },
  deadline: {
    schema: deadlineSchema.describe(
      'Time that the job may take from its acceptance, as seconds or as `90s`, `5m` or `2h`. After that it is `expired`.',
    ),
    rule: 'must be a number of seconds, or a number with s, m or h such as 90s, 5m or 2h; at most 720h',
    header: 'Cancel-After',
    headerSchema: z
      .string()
      .regex(/^\d{1,7}(\.\d{1,3})?[smh]?$/)
      .describe('Time that the job may take from its acceptance: `90s`, `5m`, `2h`, or seconds. Then it is `expired`.'),
    fromText: (text) => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : text),
  },
  convert_output: {
    schema: imageConversionSchema.describe(
      'What images are to become when they are stored, in place of what ComfyUI made. Metadata in them is left out.',
    ),
    rule: imageConversionRule,
    header: 'Job-Convert-Output',
    headerSchema: z.string().describe('What images are to become, such as `webp; quality=80` or `jpeg`.'),
    fromText: conversionOfText,
  },
  previews: {
    schema: z.boolean().describe('Make previews while sampling.'),
    absent: false,
    rule: 'must be true or false',
    header: 'Job-Previews',
    fromText: toBoolean,
  },
  priority: {
    schema: z.int().min(-maxPriority).max(maxPriority).describe('Higher ones run first.'),
    absent: 0,
    rule: `must be a whole number from -${maxPriority} to ${maxPriority}; higher ones run first`,
    header: 'Job-Priority',
    fromText: toWholeNumber,
  },
  retry: {
    schema: z.boolean().describe('False: the job is never submitted a second time, even when its instance was lost.'),
    absent: true,
    rule: 'must be true or false; false means that the job is never submitted a second time',
    header: 'Job-Retry',
    fromText: toBoolean,
  },
} satisfies Readonly<Record<string, CallOption>>

type Table = typeof table
type OptionName = keyof Table
type NameWithDefault = { [Name in OptionName]: Table[Name] extends { absent: unknown } ? Name : never }[OptionName]

const options: Readonly<Record<OptionName, CallOption>> = table
const givenSchema = z.object(shapeOf(table))
const optionNames: readonly OptionName[] = givenSchema.keyof().options

/** The options that a call gave. */
export type GivenOptions = Readonly<z.infer<typeof givenSchema>>

type Defaults = Readonly<Required<Pick<GivenOptions, NameWithDefault>>>

/** The options of a call, defaults filled in. */
export type CallOptions = GivenOptions & Defaults

const defaults = defaultsOf(table)

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
  const beside = read(envelope, (name) => ({
    pointer: pointerTo(name),
    code: 'invalid_option',
    message: options[name].rule,
  }))
  refuseFields([
    ...Object.keys(envelope)
      .filter(isUnknown)
      .map((name) => unknownOption(name, main)),
    ...beside.errors,
  ])
  const sent = read(headerValues(headers), (name) => ({
    code: 'invalid_header',
    message: `${options[name].header} ${options[name].rule}`,
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
  return { ...defaults, ...readGivenOptions(envelope, headers, main) }
}

/** What the parts of a multipart body with the name of an option say; several of one name are one list. */
export function optionOfTexts(name: string, texts: readonly string[]): unknown {
  const known = optionNames.find((candidate) => candidate === name)
  return known === undefined ? texts.join(',') : options[known].fromText(texts.join(','))
}

/** JSON Schema of what may stand beside `input`, by name. */
export function envelopeProperties(): Record<string, object> {
  return Object.fromEntries(optionNames.map((name) => [name, jsonSchemaOf(options[name])]))
}

/** The same where an absent option is not the default. */
export function givenProperties(): Record<string, object> {
  return Object.fromEntries(optionNames.map((name) => [name, jsonSchemaOf({ schema: options[name].schema })]))
}

/**
 * The options as parameters of an operation in the OpenAPI document. Defaults are told in words: a page that sends
 * requests would send each header whose schema has one.
 */
export function headerParameters(): object[] {
  return optionNames.map((name) => {
    const { header, absent } = options[name]
    const { description, ...schema } = jsonSchemaOf({ schema: headerSchemaOf(name) })
    const isWorthTelling = absent !== undefined && !Array.isArray(absent)
    const note = isWorthTelling ? ` Default: \`${JSON.stringify(absent)}\`.` : ''
    return { name: header, in: 'header', description: `${String(description)}${note}`, schema }
  })
}

/** Headers of `readGivenOptions` for a route that has its headers as a Zod schema: documented there, and read elsewhere. */
export function givenHeaderSchemas(): Record<string, z.ZodType> {
  return Object.fromEntries(
    optionNames.map((name) => {
      const schema = headerSchemaOf(name)
      return [options[name].header.toLowerCase(), z.unknown().optional().meta(jsonSchemaOf({ schema }))]
    }),
  )
}

function headerSchemaOf(name: OptionName): z.ZodType {
  return options[name].headerSchema ?? options[name].schema
}

function jsonSchemaOf({ schema, absent }: Pick<CallOption, 'schema' | 'absent'>): Record<string, unknown> {
  const { $schema: _, ...own } = z.toJSONSchema(schema, { io: 'input' })
  return { ...own, ...(absent !== undefined && { default: absent }) }
}

function read(
  values: Readonly<Record<string, unknown>>,
  explain: (name: OptionName) => FieldError,
): { given: GivenOptions; errors: FieldError[] } {
  const result = givenSchema.safeParse(values)
  if (result.success) return { given: result.data, errors: [] }
  const wrong = new Set(result.error.issues.map(({ path }) => path[0]))
  return { given: {}, errors: optionNames.filter((name) => wrong.has(name)).map(explain) }
}

function headerValues(headers: Readonly<IncomingHttpHeaders>): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const name of optionNames) {
    const sent = headers[options[name].header.toLowerCase()]
    if (sent !== undefined) values[name] = options[name].fromText(String(sent))
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
  const message = `says something else than the header ${options[name].header}; give one of them`
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

function toBoolean(text: string): unknown {
  return text === 'true' || text === 'false' ? text === 'true' : text
}

function toList(text: string): unknown {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function toWholeNumber(text: string): unknown {
  return /^-?\d+$/.test(text) ? Number(text) : text
}

type Shape<Entries extends Readonly<Record<string, CallOption>>> = {
  [Name in keyof Entries]: z.ZodExactOptional<Entries[Name]['schema']>
}

function shapeOf<Entries extends Readonly<Record<string, CallOption>>>(entries: Entries): Shape<Entries> {
  const shape = Object.entries(entries).map(([name, { schema }]) => [name, schema.exactOptional()] as const)
  return Object.fromEntries(shape) as Shape<Entries>
}

function defaultsOf(entries: Readonly<Record<string, CallOption>>): Defaults {
  const withDefault = Object.entries(entries).filter(([, { absent }]) => absent !== undefined)
  return Object.fromEntries(withDefault.map(([name, { absent }]) => [name, absent])) as Defaults
}
