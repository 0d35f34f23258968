import type { NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import type { Prompt } from '../../../comfyui/wire/prompt.ts'
import { GatewayError } from '../../../errors/gateway-error.ts'
import { isRecord } from '../../../lib/json-record.ts'
import { completePrompt, GraphError } from '../../graph/complete-prompt.ts'
import type { ServedWorkflow } from '../../served-workflow.ts'
import type { CheckProblem } from '../check-problem.ts'
import { checkPrompt, type PromptCheck } from '../prompt/check-prompt.ts'
import type { WorkflowParameter } from './workflow-parameters.ts'

/** A parameter with another value than in the body that everything starts from; undefined: it is left out. */
export interface Choice {
  readonly parameter: Pick<WorkflowParameter, 'pointer' | 'path' | 'within' | 'sample'>
  readonly value: unknown
}

/** What a module makes of parameters. */
export type Built =
  /** The schema does not take them: no caller gets so far. */
  | { readonly kind: 'refused'; readonly error: unknown }
  /** There is no graph, or none that can be sent. */
  | { readonly kind: 'failed'; readonly problem: CheckProblem; readonly graph: unknown }
  | { readonly kind: 'built'; readonly prompt: Prompt; readonly graph: unknown }

/** A graph and what is wrong with it. */
export interface Trial extends PromptCheck {
  readonly choices: readonly Choice[]
  /** Undefined where none can be sent. */
  readonly prompt: Prompt | undefined
}

export interface WorkflowTrials {
  /** Makes the graph for choices. */
  build(choices: readonly Choice[]): Promise<Built>
  /** Checks the graph of parsed parameters that nothing here knows of. */
  checkInput(input: unknown): Promise<PromptCheck>
  /** Checks the graph for choices, once. Undefined where the schema does not take them. */
  check(choices: readonly Choice[]): Promise<Trial | undefined>
  /** How many different graphs were checked. */
  readonly graphs: number
  /** Every trial so far that is one, in order. */
  readonly trials: readonly Trial[]
}

export interface WorkflowTrialsOptions {
  readonly workflow: ServedWorkflow
  readonly body: Readonly<Record<string, unknown>>
  readonly catalogue: NodeCatalogue
  readonly fileExists: (name: string) => boolean
  /** Texts that stand for what callers would choose: nothing is wrong with them. */
  readonly madeUp: ReadonlySet<string>
}

/** Builds and checks the graphs of a workflow for a body with other values in it. */
export function createWorkflowTrials({
  workflow,
  body,
  catalogue,
  fileExists,
  madeUp,
}: WorkflowTrialsOptions): WorkflowTrials {
  const known = new Map<string, Promise<Trial | undefined>>()
  const checks = new Map<string, PromptCheck>()
  const trials: Trial[] = []

  async function build(choices: readonly Choice[]): Promise<Built> {
    let input: unknown
    try {
      input = workflow.parse(withChoices(body, choices))
    } catch (error) {
      return { kind: 'refused', error }
    }
    return buildGraph(workflow, input)
  }

  async function tryChoices(choices: readonly Choice[]): Promise<Trial | undefined> {
    const built = await build(choices)
    if (built.kind === 'refused') return undefined
    const check = withoutEmptyNames(checkBuilt(built), choices)
    const trial = { choices, prompt: built.kind === 'built' ? built.prompt : undefined, ...check }
    trials.push(trial)
    return trial
  }

  function checkBuilt(built: Exclude<Built, { kind: 'refused' }>): PromptCheck {
    if (built.kind === 'built') return checkOnce(built.prompt)
    if (!isRecord(built.graph)) return { verdict: 'refused', problems: [built.problem] }
    const { problems } = checkOnce(built.graph)
    const isTold = problems.some(({ node, input }) => node === built.problem.node && input === built.problem.input)
    return {
      verdict: 'refused',
      problems: isTold && built.problem.node !== undefined ? problems : [built.problem, ...problems],
    }
  }

  function checkOnce(prompt: unknown): PromptCheck {
    const key = JSON.stringify(prompt)
    let check = checks.get(key)
    if (check === undefined) {
      check = withoutMadeUp(checkPrompt(prompt, { catalogue, fileExists }), madeUp)
      checks.set(key, check)
    }
    return check
  }

  return {
    build,
    checkInput: async (input) => checkBuilt(await buildGraph(workflow, input)),
    check(choices) {
      const key = keyOf(choices)
      let trial = known.get(key)
      if (trial === undefined) known.set(key, (trial = tryChoices(choices)))
      return trial
    },
    get graphs() {
      return checks.size
    },
    trials,
  }
}

function withoutMadeUp({ verdict, problems }: PromptCheck, madeUp: ReadonlySet<string>): PromptCheck {
  const isMadeUp = ({ value }: CheckProblem): boolean =>
    typeof value === 'string' && [...madeUp].some((text) => value.includes(text))
  const rest = problems.filter((problem) => !isMadeUp(problem))
  const isStillRefused = rest.length === problems.length || rest.some(({ kind }) => kind === 'refused')
  return { verdict: isStillRefused ? verdict : 'accepted', problems: rest }
}

/** A caller who names a model with an empty text may well be refused; it is tried for what modules make of it. */
function withoutEmptyNames(check: PromptCheck, choices: readonly Choice[]): PromptCheck {
  if (!choices.some(({ value }) => value === '')) return check
  const problems = check.problems.filter(({ code, value }) => code !== 'value_not_in_list' || value !== '')
  return { ...check, problems }
}

/** Makes the graph of parsed parameters. Never rejects. */
async function buildGraph(workflow: ServedWorkflow, input: unknown): Promise<Exclude<Built, { kind: 'refused' }>> {
  let graph: unknown
  try {
    graph = await workflow.generate(input)
    return { kind: 'built', prompt: completePrompt(graph, 'comfyui-api/check'), graph }
  } catch (error) {
    return { kind: 'failed', problem: problemOf(error), graph: asJson(graph) }
  }
}

function problemOf(error: unknown): CheckProblem {
  const base = { severity: 'error', kind: 'broken_module' } as const
  if (!(error instanceof GraphError)) {
    const message = error instanceof GatewayError ? error.detail : String(error)
    return { ...base, code: error instanceof GatewayError ? error.code : 'workflow_failed', message }
  }
  const { code, path, classType } = error.flaw
  const [node, , input] = path
  return {
    ...base,
    code,
    ...(node !== undefined && { node }),
    ...(classType !== undefined && { classType }),
    ...(input !== undefined && { input }),
    message: error.message,
  }
}

/** The graph as it would be sent; undefined where JSON cannot say it. */
function asJson(graph: unknown): unknown {
  try {
    const parsed: unknown = JSON.parse(JSON.stringify(graph))
    return parsed
  } catch {
    return undefined
  }
}

/** A copy of a body with other values in it. What these lie in is put there where it is not. */
export function withChoices(
  body: Readonly<Record<string, unknown>>,
  choices: readonly Choice[],
): Record<string, unknown> {
  let result: Record<string, unknown> = { ...body }
  for (const { parameter, value } of choices) {
    for (const container of parameter.within) {
      if (isEmpty(valueAt(result, container.path))) result = withValue(result, container.path, container.value)
    }
    result = withValue(result, parameter.path, value)
  }
  return result
}

/** The value at a path of member names and list positions; undefined where there is none. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((current, step) => {
    if (Array.isArray(current)) return current[Number(step)] as unknown
    return isRecord(current) && Object.hasOwn(current, step) ? current[step] : undefined
  }, value)
}

function withValue(
  body: Readonly<Record<string, unknown>>,
  path: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const [first = '', ...rest] = path
  if (rest.length === 0 && value === undefined) {
    return Object.fromEntries(Object.entries(body).filter(([name]) => name !== first))
  }
  return { ...body, [first]: inside(body[first], rest, value) }
}

function inside(current: unknown, path: readonly string[], value: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  if (Array.isArray(current)) return current.with(Number(step), inside(current[Number(step)], rest, value))
  return withValue(isRecord(current) ? current : {}, path, value)
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0)
}

function keyOf(choices: readonly Choice[]): string {
  return choices
    .map(({ parameter: { pointer }, value }) => [pointer, JSON.stringify(value)].join('\t'))
    .sort()
    .join('\n')
}
