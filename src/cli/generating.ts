import type { ConversionDefinitions, ExportChoice } from './converting.ts'

/** What the command line asks to be generated. */
export interface GenerateRequest {
  readonly source: ExportChoice
  readonly definitions: ConversionDefinitions
  readonly parameters: {
    /** `node.input` or `node.input=name`. */
    readonly expose: readonly string[]
    /** `node.input`, or the name of a parameter. */
    readonly hide: readonly string[]
    readonly all: boolean
  }
  /** Default: what the export is called. */
  readonly summary: string | undefined
  readonly target:
    | { readonly kind: 'printed' }
    /** A module or a folder; undefined: the first of `folders`. */
    | { readonly kind: 'written'; readonly path: string | undefined; readonly isForced: boolean }
  /** Absolute paths of the workflow folders of the settings, without the shipped one. */
  readonly folders: readonly string[]
  /** The folder of the shipped workflows, where it is served. */
  readonly shippedFolder: string | undefined
  /** Who is asked for names and descriptions; undefined: nobody. */
  readonly languageModel: AskedLanguageModel | undefined
}

/** A service for language models, and what is said to it. */
export interface AskedLanguageModel {
  readonly baseUrl: string
  readonly apiKey: string
  readonly model: string
  /** A text with places for the workflow and for the form of the answer. */
  readonly instructions: string
}

/** What became of asking a language model. */
export interface LanguageModelReport {
  readonly model: string
  readonly requests: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** In US dollars, where the service says it. */
  readonly cost: number | undefined
  /** Why names and texts are those of the rules; undefined where the model had its say. */
  readonly whyUnchanged: string | undefined
}

export interface GeneratedParameter {
  readonly name: string
  /** `main`: what callers decide. `advanced`: what they may decide. `off`: part of the recipe unless asked for. */
  readonly level: string
  /** For people, such as "integer 1–100". */
  readonly type: string
  /** For people; undefined: callers must send it. */
  readonly default: string | undefined
  readonly description: string
  /** `node.input` of what it stands for. */
  readonly targets: readonly string[]
}

export interface GeneratedModule {
  readonly kind: 'generated'
  /** The text of the module. */
  readonly module: string
  /** Route without the leading slash. */
  readonly route: string
  /** What was written, as it can be opened from here; undefined where it is to be printed. */
  readonly files: { readonly module: string; readonly copy: string; readonly folder: string } | undefined
  readonly summary: string
  readonly parameters: readonly GeneratedParameter[]
  readonly outputs: readonly { readonly name: string; readonly node: string }[]
  readonly requiredModels: readonly { readonly name: string; readonly directory?: string; readonly url?: string }[]
  readonly requiredNodes: readonly { readonly pack: string; readonly version?: string; readonly url?: string }[]
  readonly warnings: readonly string[]
  /** A command that calls it. */
  readonly call: string
  /** The definitions that were used, for people. */
  readonly definitions: string
  /** Undefined where none was asked. */
  readonly languageModel: LanguageModelReport | undefined
}

export type GenerateResult =
  | GeneratedModule
  /** Nothing is written; `reasons` holds all that is in the way. */
  | {
      readonly kind: 'refused'
      readonly reasons: readonly string[]
      readonly definitions: string | undefined
      readonly languageModel?: LanguageModelReport | undefined
    }

/** Generates without a server. Rejects with GatewayError for what is wrong with the request itself. */
export type GenerateModule = (
  request: GenerateRequest,
  observers: { readonly onProgress: (step: string) => void },
) => Promise<GenerateResult>
