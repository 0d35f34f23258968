import { z } from 'zod'
import { jobIdPattern, jobTagPattern, maxJobTags } from '../../jobs/job.ts'
import { conversionOfText, imageConversionRule, imageConversionSchema } from '../../outputs/image-conversion.ts'

/** One option of a call. It may stand beside `input` in the envelope, or come in a header with any form of body. */
export interface CallOption {
  /**
   * Of the value in the envelope. Its description is shown in the OpenAPI document. What a refinement of it says is told
   * in place of `rule`.
   */
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

const deadlineRule = 'must be a number of seconds, or a number with s, m or h such as 90s, 5m or 2h; at most 720h'

/** Gives milliseconds. */
const deadlineSchema = z
  .union([z.number(), z.string().regex(/^\d{1,7}(\.\d{1,3})?[smh]$/)])
  .transform(
    (given) => 1000 * (typeof given === 'number' ? given : parseFloat(given) * (secondsPerUnit[given.slice(-1)] ?? 1)),
  )
  .refine((ms) => ms >= 1 && ms <= maxDeadlineSeconds * 1000, { error: deadlineRule })
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
    rule: deadlineRule,
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
    headerSchema: z
      .string()
      .describe('What images are to become, such as `webp; quality=80; max_side=1024` or `jpeg`.'),
    fromText: conversionOfText,
  },
  output_metadata: {
    schema: z
      .enum(['keep', 'strip'])
      .describe('Whether files keep the texts that ComfyUI writes into them, such as the whole prompt.'),
    rule: 'must be keep or strip',
    header: 'Job-Output-Metadata',
    fromText: (text) => text,
  },
  intermediate_outputs: {
    schema: z
      .boolean()
      .describe('Keep previews of nodes such as PreviewImage as outputs too, behind what was saved and marked.'),
    rule: 'must be true or false',
    header: 'Job-Intermediate-Outputs',
    fromText: toBoolean,
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
export type OptionName = keyof Table
type NameWithDefault = { [Name in OptionName]: Table[Name] extends { absent: unknown } ? Name : never }[OptionName]

export const callOptions: Readonly<Record<OptionName, CallOption>> = table
/** Of what a call gave, by the names of options. */
export const givenSchema = z.object(shapeOf(table))
export const optionNames: readonly OptionName[] = givenSchema.keyof().options

/** The options that a call gave. */
export type GivenOptions = Readonly<z.infer<typeof givenSchema>>

type Defaults = Readonly<Required<Pick<GivenOptions, NameWithDefault>>>

/** The options of a call, defaults filled in. */
export type CallOptions = GivenOptions & Defaults

export const defaultOptions = defaultsOf(table)

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
