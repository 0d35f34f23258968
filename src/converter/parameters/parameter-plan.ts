import type { PromptInput } from '../../comfyui/wire/prompt.ts'
import type { InputReference } from './export-hints.ts'

export type Media = 'image' | 'mask' | 'video' | 'audio'
export type Choice = string | number | boolean

/** What a caller may send. */
export type ParameterType =
  | { readonly kind: 'integer'; readonly min?: number; readonly max?: number; readonly multipleOf?: number }
  | { readonly kind: 'number'; readonly min?: number; readonly max?: number }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'text' }
  /** A name of a list that every instance has its own of: model files, samplers. */
  | { readonly kind: 'name' }
  | { readonly kind: 'choice'; readonly choices: readonly Choice[] }
  /** Several of the choices at once. */
  | { readonly kind: 'choices'; readonly choices: readonly string[] }
  | { readonly kind: 'media'; readonly media: Media }

export type ParameterDefault =
  /** The value of the workflow. */
  | { readonly kind: 'value' }
  /** Another whole number for each request, from `from`, else 0, to below `limit`. */
  | { readonly kind: 'random'; readonly from?: number; readonly limit: number }
  /** Callers must send it. */
  | { readonly kind: 'none' }

/**
 * What becomes of the value in the prompt. `wrapped`: a list in `{ __value__: … }`. `position`: its place in `choices`,
 * for a class that wants both.
 */
export type TargetForm =
  | { readonly kind: 'value' }
  | { readonly kind: 'wrapped' }
  | { readonly kind: 'position'; readonly choices: readonly string[] }

export interface ParameterTarget extends InputReference {
  readonly form: TargetForm
}

/** `main`: what callers of this workflow decide. `advanced`: what they may decide. `off`: what is part of the recipe. */
export type ParameterLevel = 'main' | 'advanced' | 'off'

export interface Parameter {
  readonly name: string
  readonly level: ParameterLevel
  readonly type: ParameterType
  /** In the workflow; the parameter with this value gives the prompt that was read. */
  readonly value: PromptInput
  readonly default: ParameterDefault
  /** One line for people. */
  readonly description: string
  /** The inputs that it stands for. Not empty. */
  readonly targets: readonly ParameterTarget[]
}

export interface PlannedOutput {
  readonly name: string
  readonly node: string
}

/** A pack of custom nodes that the workflow needs. */
export interface PlannedPack {
  readonly pack: string
  readonly version?: string
  readonly url?: string
  readonly classTypes: readonly string[]
}

export interface PlannedModel {
  readonly name: string
  readonly directory?: string
  readonly url?: string
  readonly sha256?: string
}

/** Everything that a module says beside the prompt itself. */
export interface ParameterPlan {
  readonly summary: string
  readonly description?: string
  readonly parameters: readonly Parameter[]
  readonly outputs: readonly PlannedOutput[]
  readonly requiredNodes: readonly PlannedPack[]
  readonly requiredModels: readonly PlannedModel[]
  /** Id of a node → what its author called it. */
  readonly titles: ReadonlyMap<string, string>
  /** What a reader of the module should know, a sentence each. */
  readonly warnings: readonly string[]
}
