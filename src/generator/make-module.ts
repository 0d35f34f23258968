import type { NodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import type { Conversion } from '../converter/conversion.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { writeModule } from '../converter/module/write-module.ts'
import { chooseParameters, type ParameterChoice } from '../converter/parameters/choose-parameters.ts'
import type { ExportHints } from '../converter/parameters/export-hints.ts'
import type { ParameterPlan } from '../converter/parameters/parameter-plan.ts'
import { verifyModule } from '../converter/verify-module.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { CheckProblem } from '../workflows/check/check-problem.ts'
import { checkWorkflow } from '../workflows/check/module/check-workflow.ts'
import { isMissingModel } from '../workflows/check/module/requirement-problems.ts'
import type { ServedWorkflow } from '../workflows/served-workflow.ts'

/** A module, and what is wrong with it. */
export interface ModuleAttempt {
  readonly plan: ParameterPlan
  /** The text of the module. */
  readonly source: string
  /** Why it must not be written, a sentence each. */
  readonly faults: readonly string[]
  /** What a check says of it beside that: models that are not there, warnings and notes. */
  readonly problems: readonly CheckProblem[]
}

/** What somebody may do with a plan before it becomes the module. */
export interface PlanTools {
  readonly prompt: Prompt
  readonly hints: ExportHints
  /** What somebody asked of the choice. */
  readonly asked: ParameterChoice
  /** The plan with other parameters. Throws ParameterChoiceError. */
  readonly choose: (choice: ParameterChoice) => ParameterPlan
  /** Writes the module of a plan, loads it and looks what is wrong. */
  readonly attempt: (plan: ParameterPlan) => Promise<ModuleAttempt>
}

/** Gives names and texts, or other parameters. What comes back is verified like any other plan. */
export type DescribePlan = (plan: ParameterPlan, tools: PlanTools) => Promise<ParameterPlan>

/** The workflow of a module's text, until it is closed. Throws GatewayError when it cannot be served. */
export type OpenSource = (source: string) => Promise<{ readonly workflow: ServedWorkflow; close(): Promise<void> }>

export interface MakeModuleOptions {
  readonly conversion: Pick<Conversion, 'prompt' | 'hints'>
  readonly catalogue: NodeCatalogue
  readonly choice: ParameterChoice
  /** Default: what the export says of itself. */
  readonly summary: string | undefined
  readonly open: OpenSource
  readonly describe?: DescribePlan
}

/**
 * Makes the module of a prompt, and verifies it: it loads, gives the prompt again, and a check finds no error but models
 * that are not there yet.
 * @throws ParameterChoiceError
 */
export async function makeModule(options: MakeModuleOptions): Promise<ModuleAttempt> {
  const { conversion, catalogue, describe, summary } = options
  const { prompt, hints } = conversion
  const withSummary = (plan: ParameterPlan) => (summary === undefined ? plan : { ...plan, summary })
  const tools: PlanTools = {
    prompt,
    hints,
    asked: options.choice,
    choose: (choice) => withSummary(chooseParameters(prompt, { ...choice, hints, lookUp: catalogue.lookUp })),
    attempt: (plan) => attempt(plan, options),
  }
  const plan = tools.choose(options.choice)
  return tools.attempt(describe === undefined ? plan : withSummary(await describe(plan, tools)))
}

async function attempt(plan: ParameterPlan, options: MakeModuleOptions): Promise<ModuleAttempt> {
  const { conversion, catalogue, open } = options
  const { prompt } = conversion
  const source = writeModule(plan, prompt)
  try {
    const opened = await open(source)
    try {
      const { workflow } = opened
      const faults = await verifyModule({ module: workflow, plan, prompt })
      const { problems } = await checkWorkflow(workflow, { catalogue })
      const errors = problems.filter((problem) => problem.severity === 'error' && !isMissingModel(problem))
      return {
        plan,
        source,
        faults: [
          ...faults.map((fault) => `The module does not do what it should: ${fault}.`),
          ...errors.map(describeProblem),
        ],
        problems: problems.filter((problem) => !errors.includes(problem)),
      }
    } finally {
      await opened.close()
    }
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return { plan, source, faults: [`The module cannot be served: ${error.detail}`], problems: [] }
  }
}

/** A problem in one line. */
export function describeProblem({ node, classType, input, message, fix, when }: CheckProblem): string {
  const place = [
    ...(node === undefined ? [] : [`node ${node}${classType === undefined ? '' : ` ${classType}`}`]),
    ...(input === undefined ? [] : [`input ${input}`]),
    ...(when === undefined ? [] : [when]),
  ].join(', ')
  return [place === '' ? message : `${place}: ${message}`, ...(fix === undefined ? [] : [fix])].join(' ')
}
