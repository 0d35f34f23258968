import { z } from 'zod'

/** Reads one value as a person writes it: the check, and the same rule in words. */
export interface ValueKind<Value> {
  readonly schema: z.ZodType<Value, string>
  /** Completes the sentence "must be …". */
  readonly rule: string
  /** How a refused value is shown. Left out: as it is. */
  readonly show?: (text: string) => string
}

/** What a setting is called, and what the documentation says about it. */
export interface SettingOptions {
  readonly env: string
  /** Other names of the variable that are understood too. The main one wins. */
  readonly envAliases?: readonly string[]
  /** As commander takes it, such as `--port <number>`. Absent where only the environment sets it. */
  readonly flag?: string
  readonly group: SettingGroup
  readonly description: string
  /** What the flag does, where that is the opposite of the description. */
  readonly flagDescription?: string
  /** The one command that reads it; absent: those that need a server or a ComfyUI. */
  readonly command?: string
}

export type SettingGroup =
  'Server' | 'Security' | 'ComfyUI' | 'Workflows' | 'Jobs' | 'Language model' | 'Logging' | 'Demo'

export interface Setting<Value> extends SettingOptions {
  readonly rule: string
  readonly repeatable: boolean
  /** Separates several values in the environment variable. */
  readonly separator: Separator | undefined
  /** How a refused value is shown to a person: never with a secret in it. */
  show(text: string): string
  /** As a person would write it; `undefined` when there is none. */
  readonly defaultText: string | undefined
  /** Turns the texts that were given into the value, or says which of them break the rule. */
  read(texts: readonly string[]): SettingResult<Value>
}

/** The path delimiter is the platform's: `:`, or `;` on Windows. */
export type Separator = 'comma' | 'blank' | 'path delimiter'

export type SettingResult<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly rejected: readonly string[] }

/** A setting with exactly one value. Given several times, the last one counts. */
export function single<Value>(
  kind: ValueKind<Value>,
  options: SettingOptions & { readonly default: string },
): Setting<Value> {
  return {
    ...options,
    rule: kind.rule,
    repeatable: false,
    separator: undefined,
    show: kind.show ?? JSON.stringify,
    defaultText: options.default,
    read(texts) {
      const text = texts.at(-1) ?? options.default
      const parsed = kind.schema.safeParse(text)
      return parsed.success ? { ok: true, value: parsed.data } : { ok: false, rejected: [text] }
    },
  }
}

/** A setting with any number of values, none by default. */
export function several<Value>(
  kind: ValueKind<Value>,
  options: SettingOptions & { readonly separator: Separator },
): Setting<readonly Value[]> {
  return {
    ...options,
    rule: kind.rule,
    repeatable: true,
    show: kind.show ?? JSON.stringify,
    defaultText: undefined,
    read(texts) {
      const results = texts.map((text) => ({ text, parsed: kind.schema.safeParse(text) }))
      const rejected = results.filter((result) => !result.parsed.success).map((result) => result.text)
      if (rejected.length > 0) return { ok: false, rejected }
      return { ok: true, value: results.flatMap(({ parsed }) => (parsed.success ? [parsed.data] : [])) }
    },
  }
}

export function wholeNumber(min: number, max: number, unit?: string): ValueKind<number> {
  const schema = z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(min).max(max))
  return {
    schema,
    rule: `a whole number${unit === undefined ? '' : ` of ${unit}`} from ${String(min)} to ${String(max)}`,
  }
}

/** With up to three decimals. */
export function decimalNumber(min: number, max: number, unit: string): ValueKind<number> {
  const schema = z
    .string()
    .regex(/^\d+(\.\d{1,3})?$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max))
  return { schema, rule: `a number of ${unit} from ${String(min)} to ${String(max)}` }
}

export function choice<const Choices extends readonly [string, ...string[]]>(
  choices: Choices,
): ValueKind<Choices[number]> {
  return { schema: z.enum(choices), rule: `one of ${choices.join(', ')}` }
}

/** `off` besides what the kind takes. */
export function orOff<Value>(kind: ValueKind<Value>): ValueKind<Value | undefined> {
  return {
    ...kind,
    schema: z.union([z.literal('off').transform(() => undefined), kind.schema]),
    rule: `${kind.rule}; or off`,
  }
}

export function yesOrNo(): ValueKind<boolean> {
  return {
    schema: z.stringbool({ truthy: ['true', '1', 'yes', 'on'], falsy: ['false', '0', 'no', 'off'] }),
    rule: 'true or false',
  }
}

/** The name under which commander hands over the value of this flag: `--max-body-mb <n>` is `maxBodyMb`. */
export function flagKey(flag: string): string {
  const name = flagName(flag).replace(/^--(no-)?/, '')
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** The flag without its argument: `--port <number>` is `--port`. */
export function flagName(flag: string): string {
  return flag.split(' ', 1).join('')
}
