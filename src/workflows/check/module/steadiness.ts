import type { Prompt } from '../../../comfyui/wire/prompt.ts'
import { completePrompt } from '../../graph/complete-prompt.ts'
import type { ServedWorkflow } from '../../served-workflow.ts'
import type { CheckProblem } from '../check-problem.ts'
import { graphDifference } from './graph-difference.ts'

export interface Steadiness {
  /** Whether the same parameters make graphs of one form. */
  readonly isSteady: boolean
  /** To be asked when graphs of other parameters were made: whether these have changed what the first ones make. */
  findProblem(): Promise<CheckProblem | undefined>
}

const base = { severity: 'warning', kind: 'flawed', code: 'unsteady_graph' } as const

/**
 * Makes the graph of the same parameters again and again: the function must be pure. Other values are not looked at,
 * for a module may draw them.
 */
export async function watchSteadiness(workflow: ServedWorkflow, body: unknown): Promise<Steadiness> {
  const make = promptMaker(workflow, body)
  const first = await make()
  const isSteady = first === undefined || !hasOtherForm(first, await make())
  return {
    isSteady,
    async findProblem() {
      if (!isSteady) {
        const message =
          'generateWorkflow makes a graph of another form each time, of the same parameters: only one of them is checked.'
        return { ...base, message, fix: 'Decide everything by the parameters, also the ids of nodes.' }
      }
      if (first === undefined || !hasOtherForm(first, await make())) return undefined
      const message =
        'What other requests asked for stays in the graph: generateWorkflow changes what all of them share.'
      return { ...base, message, fix: 'Make the graph anew in each call.' }
    },
  }
}

function promptMaker(workflow: ServedWorkflow, body: unknown): () => Promise<Prompt | undefined> {
  let input: unknown
  try {
    input = workflow.parse(body)
  } catch {
    // Told by whoever checks the defaults.
    return async () => undefined
  }
  return async () => {
    try {
      return completePrompt(await workflow.generate(input), 'comfyui-api/check')
    } catch {
      return undefined
    }
  }
}

function hasOtherForm(one: Prompt, other: Prompt | undefined): boolean {
  return other !== undefined && graphDifference(one, other)?.isStructural === true
}
