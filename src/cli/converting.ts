import type { CheckedInstance } from './checking.ts'

/** Where an export is. */
export type ExportChoice =
  /** Any file with a graph; `-` is the standard input. */
  | { readonly kind: 'file'; readonly file: string }
  /** What a ComfyUI has run: by its prompt id, or the newest. */
  | {
      readonly kind: 'history'
      readonly promptId: string | undefined
      readonly instance: CheckedInstance
      readonly connectTimeoutMs: number
    }

/** Where the definitions of node classes come from: one place, as lists of values are read by them. */
export type ConversionDefinitions =
  | { readonly kind: 'core' }
  /** What `/object_info` of a ComfyUI said; `-` is the standard input. */
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'instance'; readonly instance: CheckedInstance; readonly connectTimeoutMs: number }

/** What the command line asks to be converted. */
export interface ConvertRequest {
  readonly source: ExportChoice
  readonly definitions: ConversionDefinitions
}

export type ConvertResult =
  | {
      readonly kind: 'converted'
      /** The graph in API format. */
      readonly prompt: object
      readonly warnings: readonly string[]
      /** The definitions that were used, for people. */
      readonly source: string
    }
  /** No prompt can be made; `reasons` holds all that is in the way. `source`: where the definitions had a part in it. */
  | { readonly kind: 'refused'; readonly reasons: readonly string[]; readonly source: string | undefined }

/** Converts without a server. Rejects with GatewayError for what keeps it from trying. */
export type ConvertExport = (request: ConvertRequest) => Promise<ConvertResult>
