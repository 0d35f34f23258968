import { promptRules, type PromptRules } from './prompt-rules.ts'
import type { NodeDefinition } from '../object-info.ts'

/** The rules of the release that the definitions come from, as far as they show it; else those of the newest. */
export function rulesOfDefinitions(definitions: ReadonlyMap<string, NodeDefinition>): PromptRules {
  const ages = [...definitions.values()].some((definition) => 'is_input_list' in definition)
  return promptRules(ages ? '0.33.0' : '0.3.64')
}
