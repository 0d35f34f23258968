import type { CoreNodesVersion } from '../core-nodes.ts'

/** What differs between releases in how they decide about a prompt. */
export interface PromptRules {
  /** `missing_node_type` instead of `invalid_prompt` for an unknown class. */
  readonly namesMissingNode: boolean
  /** Values of `COMBO` inputs are compared with their options. */
  readonly checksComboOptions: boolean
  /** Cycles are reported on their nodes; otherwise the output just fails. */
  readonly reportsCycles: boolean
  /** Autogrow and dynamic combo inputs are expanded. */
  readonly expandsDynamicInputs: boolean
  /** `*` and match types go with every type. */
  readonly matchesAnyType: boolean
}

const current: PromptRules = {
  namesMissingNode: true,
  checksComboOptions: true,
  reportsCycles: true,
  expandsDynamicInputs: true,
  matchesAnyType: true,
}

const october2025: PromptRules = {
  namesMissingNode: false,
  checksComboOptions: false,
  reportsCycles: false,
  expandsDynamicInputs: false,
  matchesAnyType: false,
}

const rules: Readonly<Record<CoreNodesVersion, PromptRules>> = { '0.33.0': current, '0.3.64': october2025 }

/** The rules of a release, checked against running servers of both. */
export function promptRules(version: CoreNodesVersion): PromptRules {
  return rules[version]
}

/** The rules of the release that calls itself so; undefined when the text is no version. */
export function rulesOfVersion(version: string): PromptRules | undefined {
  const parts = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version.trim())
  if (parts === null) return undefined
  const [, major, minor, patch] = parts.map(Number)
  return [major, minor, patch].every((part, index) => part === [0, 3, 64][index]) ? october2025 : current
}
