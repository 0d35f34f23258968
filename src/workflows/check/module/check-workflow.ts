import type { NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import type { NodePackLookup } from '../../../comfyui/wire/node-packs.ts'
import { GatewayError } from '../../../errors/gateway-error.ts'
import { madeUpText } from '../../parameters/example-body.ts'
import type { ServedWorkflow, WorkflowProblem } from '../../served-workflow.ts'
import type { CheckProblem } from '../check-problem.ts'
import type { PromptCheck } from '../prompt/check-prompt.ts'
import { explainChoices, problemKey } from './explain-choices.ts'
import { exploreWorkflow } from './explore-workflow.ts'
import { findSourceLines } from './find-source-lines.ts'
import { mayBeListed } from '../prompt/listed-files.ts'
import { parameterProblems } from './parameter-problems.ts'
import { isMissingModel, nameSources, requirementNotes } from './requirement-problems.ts'
import { startingBody, withUploads } from './starting-body.ts'
import { watchSteadiness } from './steadiness.ts'
import { uploads, workflowParameters } from './workflow-parameters.ts'
import { createWorkflowTrials, valueAt, type WorkflowTrials } from './workflow-trials.ts'

export interface CheckWorkflowOptions {
  readonly catalogue: NodeCatalogue
  /**
   * Whether a file that a node loads is there, by its name as loader nodes take it. Default: what the lists of the
   * catalogue show, and every file of which they say nothing.
   */
  readonly fileExists?: (name: string) => boolean
  /** The pack of custom nodes that has a class, where the module does not say so itself. */
  readonly packOf?: NodePackLookup
}

/** What can be told about one workflow. */
export interface WorkflowCheck {
  /** The route, without the leading slash. */
  readonly name: string
  /** Path of the module relative to its workflow folder. */
  readonly file: string
  /** How many different graphs were checked. */
  readonly graphs: number
  /** What ComfyUI itself would say to the graph of the defaults; `broken` where there is none. */
  readonly verdict: PromptCheck['verdict'] | 'broken'
  /** Errors first. */
  readonly problems: readonly CheckProblem[]
}

/**
 * Says what is wrong with a workflow, on a server with these node classes: in the graph of its defaults, in those of all
 * its switches, each alone and any two together, in those of its examples, and in what it says of itself.
 */
export async function checkWorkflow(workflow: ServedWorkflow, options: CheckWorkflowOptions): Promise<WorkflowCheck> {
  const { name, file } = workflow
  const { catalogue } = options
  const start = startingBody(workflow)
  const told = [...start.problems, ...moduleWarnings(workflow)]
  const { body } = start
  if (body === undefined) {
    const isBroken = told.some(({ severity }) => severity === 'error')
    return { name, file, graphs: 0, verdict: isBroken ? 'broken' : 'accepted', problems: await finish(workflow, told) }
  }

  const fileExists = options.fileExists ?? mayBeListed(catalogue)
  const parameters = workflowParameters(workflow, start.drawn)
  const samples = parameters.map(({ sample }) => sample).filter((sample) => sample !== undefined)
  const trials = createWorkflowTrials({
    workflow,
    body,
    catalogue,
    fileExists: (each) => uploads.some((upload) => upload === each) || fileExists(each),
    madeUp: new Set([madeUpText, ...start.madeUp, ...samples]),
  })
  const usual = await trials.check([])
  // Who makes no graph of the defaults is not asked again.
  const steadiness = usual?.prompt === undefined ? undefined : await watchSteadiness(workflow, body)
  const probed = steadiness?.isSteady === false ? [] : parameters
  const explored = await exploreWorkflow({ trials, parameters: probed, catalogue, body })
  const explained = await explainChoices(trials, {
    parameters,
    usual: ({ parameter }) => valueAt(body, parameter.path),
  })
  const problems = [...explained]
  const [first] = trials.trials
  // A module that is stuck would be so for its examples too.
  if (explored.isComplete && first?.prompt !== undefined) {
    problems.push(...(await buildProblems(workflow, body, explained)))
    problems.push(...(await exampleProblems(workflow, trials, problems)))
  }
  const named = nameSources(explored.nameParameters(problems), {
    metadata: workflow.definition.metadata,
    catalogue,
    packOf: options.packOf,
  })
  const unsteady = explored.isComplete ? await steadiness?.findProblem() : undefined
  const found = [
    ...told,
    ...(unsteady === undefined ? [] : [unsteady]),
    ...named,
    ...parameterProblems(explored, catalogue),
    ...requirementNotes(workflow, trials.trials, catalogue),
  ]
  return {
    name,
    file,
    graphs: trials.graphs,
    verdict: first?.prompt === undefined ? 'broken' : first.verdict,
    problems: await finish(workflow, found),
  }
}

/** The check of a module that cannot be served: what the registry says of it. */
export function brokenWorkflow({ name, file, line, reason }: WorkflowProblem): WorkflowCheck {
  const problem: CheckProblem = {
    severity: 'error',
    kind: 'broken_module',
    code: 'broken_module',
    message: reason,
    ...(line !== undefined && { line }),
  }
  return { name: name ?? file, file, graphs: 0, verdict: 'broken', problems: [problem] }
}

/** What loading the module brought to light. */
function moduleWarnings({ warnings }: ServedWorkflow): readonly CheckProblem[] {
  return warnings.map((message): CheckProblem => {
    const isExample = /^examples\[\d+\] does not work/.test(message)
    return {
      severity: isExample || message.includes(' is ignored: ') ? 'warning' : 'note',
      kind: 'flawed',
      code: isExample ? 'example_refused' : 'module_flaw',
      message: message.endsWith('.') ? message : `${message}.`,
    }
  })
}

/** Why the gateway itself would not take the graph of the defaults, beside what its check says already. */
async function buildProblems(
  workflow: ServedWorkflow,
  body: Readonly<Record<string, unknown>>,
  known: readonly CheckProblem[],
): Promise<readonly CheckProblem[]> {
  try {
    await workflow.build(workflow.parse(body), { uploads: new Set(uploads), filenamePrefix: 'comfyui-api/check' })
    return []
  } catch (error) {
    if (!(error instanceof GatewayError) || known.some(({ severity }) => severity === 'error')) return []
    const base = { severity: 'error', kind: 'broken_module', message: error.detail } as const
    const [first] = error.errors
    const place = first?.node
    if (place === undefined) return [{ ...base, code: first?.code ?? error.code }]
    const { id: node, classType, input } = place
    return [{ ...base, code: first?.code ?? error.code, node, classType, ...(input !== undefined && { input }) }]
  }
}

async function exampleProblems(
  workflow: ServedWorkflow,
  trials: WorkflowTrials,
  known: readonly CheckProblem[],
): Promise<readonly CheckProblem[]> {
  const keys = new Set(known.map(problemKey))
  const found: CheckProblem[] = []
  for (const [index, example] of (workflow.definition.examples ?? []).entries()) {
    let input: unknown
    try {
      input = workflow.parse(withUploads(workflow, example))
    } catch {
      // Told as a warning of the module.
      continue
    }
    const { problems } = await trials.checkInput(input)
    for (const problem of problems) {
      const key = problemKey(problem)
      if (keys.has(key)) continue
      keys.add(key)
      // An example may name a model that nobody needs who does not ask for it.
      found.push({
        ...problem,
        ...(isMissingModel(problem) && { severity: 'note' }),
        when: `in examples[${index}]`,
      })
    }
  }
  return found
}

const order: readonly CheckProblem['severity'][] = ['error', 'warning', 'note']

async function finish(workflow: ServedWorkflow, problems: readonly CheckProblem[]): Promise<readonly CheckProblem[]> {
  const source = problems.length === 0 ? undefined : await workflow.readSource()
  const placed = source === undefined ? problems : findSourceLines(source, problems)
  return placed.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity))
}
