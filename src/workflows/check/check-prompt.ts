import type { NodeCatalogue } from '../../comfyui/wire/node-catalogue.ts'
import { validatePrompt } from '../../comfyui/wire/verdict/validate-prompt.ts'
import type { CheckProblem } from './check-problem.ts'
import { refusals } from './refusals.ts'

export interface CheckPromptOptions {
  readonly catalogue: NodeCatalogue
  /** Whether a file that a node loads is there, by its name as loader nodes take it. Default: every file is. */
  readonly fileExists?: (name: string) => boolean
}

/** What can be told about one graph in the API format. */
export interface PromptCheck {
  /** What ComfyUI itself would say; `partly` when it would run some of the outputs only. */
  readonly verdict: 'accepted' | 'partly' | 'refused'
  readonly problems: readonly CheckProblem[]
}

/** Says what is wrong with a graph in the API format. Any value at all may be given; it is not changed. */
export function checkPrompt(prompt: unknown, { catalogue, fileExists = () => true }: CheckPromptOptions): PromptCheck {
  const verdict = validatePrompt(prompt, undefined, { nodes: catalogue.lookUp, rules: catalogue.rules, fileExists })
  const problems = refusals(prompt, verdict, catalogue)
  if (verdict.kind !== 'accepted') return { verdict: 'refused', problems }
  return { verdict: Object.keys(verdict.nodeErrors).length > 0 ? 'partly' : 'accepted', problems }
}
