import { isDeepStrictEqual } from 'node:util'
import type { NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import type { Prompt } from '../../../comfyui/wire/prompt.ts'
import { isRecord } from '../../../lib/json-record.ts'
import type { CheckProblem } from '../check-problem.ts'
import { choiceRows } from './choice-rows.ts'
import { graphDifference } from './graph-difference.ts'
import { createParameterProbe, newProbe, turnAll, type ProbedParameter, type Undeclared } from './probe-parameters.ts'
import type { WorkflowParameter } from './workflow-parameters.ts'
import { valueAt, type Choice, type WorkflowTrials } from './workflow-trials.ts'

export interface ExploreOptions {
  readonly trials: WorkflowTrials
  readonly parameters: readonly WorkflowParameter[]
  readonly catalogue: NodeCatalogue
  readonly body: Readonly<Record<string, unknown>>
}

/** What the graphs of a workflow say of its parameters. */
export interface ExploredWorkflow {
  readonly probed: readonly ProbedParameter[]
  /** Parameters that change nothing but where files are saved, which is not for callers to say. */
  readonly namingFiles: ReadonlySet<string>
  /** False when there was not enough time for all graphs. */
  readonly isComplete: boolean
  /** Adds the parameter that feeds it to problems with the value of an input. */
  nameParameters(problems: readonly CheckProblem[]): readonly CheckProblem[]
}

/** Of all switches together; more would take longer than they tell. */
const maxGraphs = 150
/** Parameters that seem to do nothing are tried in so many graphs. */
const maxContexts = 60
/** For modules that are slow: loading and serving others goes on meanwhile. */
const maxDurationMs = 20_000

/**
 * Finds the switches of a workflow, which are parameters that change more than values in its graph, makes the graphs of
 * each of their values alone and of any two together, and finds out what every other parameter changes in them.
 */
export async function exploreWorkflow(options: ExploreOptions): Promise<ExploredWorkflow> {
  const { trials, parameters, body, catalogue } = options
  const endsAt = performance.now() + maxDurationMs
  const probed = parameters.map(newProbe)
  const isInTime = (): boolean => performance.now() < endsAt
  let isComplete = true

  const first = await trials.check([])
  const graph = first?.prompt
  const random = graph === undefined ? new Set<string>() : await randomInputs(trials, graph)
  const probe = createParameterProbe({
    trials,
    catalogue,
    body,
    isRandom: (node, input) => random.has(`${node}\0${input}`),
    undeclared: (node, input) => undeclared.get(`${node}\0${input}`) ?? 'no',
  })
  const undeclared = new Map<string, Undeclared>()
  /** Nodes whose inputs are known to the probes. */
  const seen = new Set<string>()
  let noted = 0
  noteUndeclared()
  if (graph !== undefined) await probeAll(probed, [], graph)

  // Switches may show only where others are on: what a first round brings to light is in the second one.
  for (let round = 0; round < 2; round += 1) {
    const before = turnsOf(probed)
    await tryRows(probed.filter(({ turning }) => turning.length > 0))
    for (const { choices, prompt } of trials.trials.slice(1, 1 + maxContexts)) {
      const idle = probed.filter(({ isAlive }) => !isAlive)
      if (idle.length === 0) break
      if (prompt === undefined) continue
      await probeAll(idle, choices, prompt)
      // What brings another one to life does something.
      if (idle.some(({ isAlive }) => isAlive)) for (const each of idle) each.isAlive ||= isAmong(each, choices)
    }
    await probeNewNodes()
    if (round === 0) for (const each of probed) if (!each.isAlive && each.idle.length === 0) turnAll(each)
    if (turnsOf(probed) === before) break
  }
  const namingFiles = new Set<string>()
  for (const each of probed) {
    if (!each.isAlive && each.idle.length === 0 && (await namesFiles(trials, each))) {
      namingFiles.add(each.parameter.pointer)
    }
  }
  const nameParameters = (problems: readonly CheckProblem[]): readonly CheckProblem[] =>
    problems.map((problem) => named(problem, probed))
  return { probed, namingFiles, isComplete, nameParameters }

  async function probeAll(
    those: readonly ProbedParameter[],
    choices: readonly Choice[],
    prompt: Prompt,
  ): Promise<void> {
    for (const each of those) {
      if (!isInTime()) isComplete = false
      else await probe.probe(each, choices, prompt)
    }
  }

  /** Other choices bring nodes that may take less of a parameter than those of the defaults. */
  async function probeNewNodes(): Promise<void> {
    for (const { choices, prompt } of trials.trials) {
      const fresh = Object.entries(prompt ?? {}).filter(([id, node]) => !seen.has(`${id}\t${node.class_type}`))
      if (prompt === undefined || fresh.length === 0) continue
      for (const [id, node] of fresh) seen.add(`${id}\t${node.class_type}`)
      const values = new Set(fresh.flatMap(([, { inputs }]) => Object.values<unknown>(inputs)))
      const feeding = probed.filter(
        ({ parameter: { kind, path }, isAlive }) =>
          isAlive && (kind === 'number' || kind === 'choice') && values.has(valueAt(body, path)),
      )
      if (choices.length > 0) await probeAll(feeding, choices, prompt)
    }
  }

  async function tryRows(switches: readonly ProbedParameter[]): Promise<void> {
    const turns = withoutDoubles(switches, ({ path }, value) => isDeepStrictEqual(valueAt(body, path), value))
    for (const { parameter, value } of turns.doubles) await tryChoices([{ parameter, value }])
    for (const row of choiceRows(
      turns.switches.map(({ values }) => values.length + 1),
      maxGraphs,
    )) {
      const choices = row.flatMap((index, at): Choice[] => {
        const each = turns.switches[at]
        return index === 0 || each === undefined ? [] : [{ parameter: each.parameter, value: each.values[index - 1] }]
      })
      await tryChoices(choices)
    }
  }

  async function tryChoices(choices: readonly Choice[]): Promise<void> {
    if (!isInTime()) {
      isComplete = false
      return
    }
    await trials.check(choices)
    noteUndeclared()
  }

  function noteUndeclared(): void {
    for (const { problems } of trials.trials.slice(noted)) {
      for (const { code, severity, node, input } of problems) {
        if (code !== 'undeclared_input') continue
        undeclared.set(`${node ?? ''}\0${input ?? ''}`, severity === 'warning' ? 'surely' : 'probably')
      }
    }
    noted = trials.trials.length
  }
}

function turnsOf(probed: readonly ProbedParameter[]): number {
  return probed.reduce((sum, { turning }) => sum + turning.length, 0)
}

function isAmong({ parameter }: ProbedParameter, choices: readonly Choice[]): boolean {
  return choices.some((choice) => choice.parameter.pointer === parameter.pointer)
}

interface Turns {
  readonly switches: readonly { readonly parameter: WorkflowParameter; readonly values: readonly unknown[] }[]
  /** Make what a switch makes already: there is no need to try them together with others. */
  readonly doubles: readonly Choice[]
}

function withoutDoubles(
  switches: readonly ProbedParameter[],
  isUsual: (parameter: WorkflowParameter, value: unknown) => boolean,
): Turns {
  const forms = new Set<string>()
  const doubles: Choice[] = []
  const kept = switches.map(({ parameter, turning }) => {
    const values = turning.flatMap(({ value, form }) => {
      if (isUsual(parameter, value)) return []
      const isDouble = form !== undefined && forms.has(form)
      if (isDouble) doubles.push({ parameter, value })
      if (form !== undefined) forms.add(form)
      return isDouble ? [] : [value]
    })
    return { parameter, values }
  })
  return { switches: kept.filter(({ values }) => values.length > 0), doubles }
}

/** Inputs that are not the same each time. */
async function randomInputs(trials: WorkflowTrials, graph: Prompt): Promise<ReadonlySet<string>> {
  const again = await trials.build([])
  const difference = again.kind === 'built' ? graphDifference(graph, again.prompt) : undefined
  return new Set(difference?.inputs.map(({ node, input }) => `${node}\0${input}`))
}

async function namesFiles(trials: WorkflowTrials, { parameter }: ProbedParameter): Promise<boolean> {
  const before = await trials.build([])
  if (before.kind !== 'built') return false
  for (const value of parameter.values) {
    const after = await trials.build([{ parameter, value }])
    if (after.kind === 'built' && prefixesIn(after.graph) !== prefixesIn(before.graph)) return true
  }
  return false
}

/** The names of files that a module gives, which the gateway replaces. */
function prefixesIn(graph: unknown): string {
  const nodes: unknown[] = isRecord(graph) ? Object.values(graph) : []
  const inputs = nodes.map((node) => (isRecord(node) && isRecord(node['inputs']) ? node['inputs'] : {}))
  return JSON.stringify(inputs.map((each) => each['filename_prefix'] ?? null))
}

function named(problem: CheckProblem, probed: readonly ProbedParameter[]): CheckProblem {
  const { node, input, parameter, value } = problem
  if (node === undefined || input === undefined || parameter !== undefined || Array.isArray(value)) return problem
  const key = `${node}\0${input}`
  const feeding = probed.filter(({ feeds }) => feeds.has(key))
  const direct = feeding.find(({ feeds }) => feeds.get(key)?.isDirect === true) ?? feeding[0]
  return direct === undefined ? problem : { ...problem, parameter: direct.parameter.pointer }
}
