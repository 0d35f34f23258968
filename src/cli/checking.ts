/** An address of ComfyUI, and what has to be sent there. */
export interface CheckedInstance {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** Where the definitions of node classes come from. */
export type DefinitionsChoice =
  | { readonly kind: 'core' }
  /** What `/object_info` of a ComfyUI said; `-` is the standard input. */
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'instances'; readonly instances: readonly CheckedInstance[]; readonly connectTimeoutMs: number }

/** What the command line asks to be checked. */
export interface CheckRequest {
  /** The folders of the settings, or what the command line names: folders, modules, graphs; `-` is the standard input. */
  readonly target: { readonly folders: readonly string[] } | { readonly paths: readonly string[] }
  readonly definitions: DefinitionsChoice
  /** What modules written for Salad's comfyui-api find as `config.warmupCkpt`. */
  readonly warmupCheckpoint: string | undefined
}

/** One mistake, as `workflows/check` found it. */
export interface ReportedProblem {
  readonly severity: 'error' | 'warning' | 'note'
  readonly kind: string
  readonly code: string
  readonly node?: string
  readonly classType?: string
  /** What the node is called in the graph. */
  readonly title?: string
  readonly input?: string
  readonly parameter?: string
  readonly value?: unknown
  readonly message: string
  readonly fix?: string
  readonly when?: string
  readonly line?: number
  /** The definitions that show it, where others do not. */
  readonly definitions?: readonly string[]
}

export type CheckVerdict = 'accepted' | 'partly' | 'refused' | 'broken'

export interface CheckResult {
  readonly kind: 'workflow' | 'prompt'
  /** As it can be opened from here. */
  readonly file: string
  /** The worst of `verdicts`. */
  readonly verdict: CheckVerdict
  /** One for each of the definitions, in their order. */
  readonly verdicts: readonly CheckVerdict[]
  /** How many graphs were built and looked at, for each of the definitions. */
  readonly graphs: number
  readonly problems: readonly ReportedProblem[]
}

export interface UsedDefinitions {
  /** For people, such as "ComfyUI 0.33.0 at http://gpu:8188". */
  readonly source: string
  readonly kind: DefinitionsChoice['kind']
}

export interface CheckReport {
  readonly definitions: readonly UsedDefinitions[]
  readonly results: readonly CheckResult[]
}

/** Checks without a server. Rejects with GatewayError for what keeps it from checking at all. */
export type CheckWorkflows = (request: CheckRequest) => Promise<CheckReport>
