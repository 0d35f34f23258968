import { isRecord } from '../../../lib/json-record.ts'
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
  /** Match types go with every type. */
  readonly matchesMatchTypes: boolean
  /** Unions with `*` in them go with every type, and outputs that are a list of choices with `COMBO`. */
  readonly matchesAnyType: boolean
  /** Names of files that lead out of their folder lead to nothing. */
  readonly confinesFiles: boolean
}

type Version = readonly [major: number, minor: number, patch: number]

/** The first release with each of them, told by ComfyUI's history. */
const since: Readonly<Record<keyof PromptRules, Version>> = {
  expandsDynamicInputs: [0, 4, 0],
  matchesMatchTypes: [0, 4, 0],
  checksComboOptions: [0, 8, 0],
  matchesAnyType: [0, 8, 0],
  namesMissingNode: [0, 12, 0],
  reportsCycles: [0, 20, 0],
  confinesFiles: [0, 28, 0],
}

/** The rules of a release that the built-in table describes, checked against running servers of both. */
export function promptRules(version: CoreNodesVersion): PromptRules {
  switch (version) {
    case '0.33.0':
      return rulesOf([0, 33, 0])
    case '0.3.64':
      return rulesOf([0, 3, 64])
  }
}

/** The rules of the release that calls itself so; undefined when the text is no version. */
export function rulesOfVersion(version: string): PromptRules | undefined {
  const [, major, minor, patch = '0'] = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version.trim()) ?? []
  return major === undefined || minor === undefined ? undefined : rulesOf([Number(major), Number(minor), Number(patch)])
}

/**
 * The rules of the release that an answer of `GET /object_info` comes from, as far as it shows it: the latest one that
 * is not provably too new.
 */
export function rulesOfObjectInfo(objectInfo: Readonly<Record<string, unknown>>): PromptRules {
  const keys = new Set<string>()
  for (const definition of Object.values(objectInfo)) {
    if (isRecord(definition)) for (const key of Object.keys(definition)) keys.add(key)
  }
  for (const [key, version] of signs) if (keys.has(key)) return rulesOf(version)
  return rulesOf([0, 3, 76])
}

/** What definitions of a release have and earlier ones have not, and the last release before the next sign. */
const signs: readonly (readonly [key: string, version: Version])[] = [
  ['has_intermediate_output', [Number.POSITIVE_INFINITY, 0, 0]],
  ['is_input_list', [0, 18, 1]],
  ['search_aliases', [0, 11, 1]],
  ['output_matchtypes', [0, 10, 0]],
]

function rulesOf(version: Version): PromptRules {
  const has = (rule: keyof PromptRules): boolean => isAtLeast(version, since[rule])
  return {
    expandsDynamicInputs: has('expandsDynamicInputs'),
    matchesMatchTypes: has('matchesMatchTypes'),
    checksComboOptions: has('checksComboOptions'),
    matchesAnyType: has('matchesAnyType'),
    namesMissingNode: has('namesMissingNode'),
    reportsCycles: has('reportsCycles'),
    confinesFiles: has('confinesFiles'),
  }
}

function isAtLeast(version: Version, other: Version): boolean {
  const [major, minor, patch] = version
  if (major !== other[0]) return major > other[0]
  return minor === other[1] ? patch >= other[2] : minor > other[1]
}
