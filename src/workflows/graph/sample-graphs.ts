import type { z } from 'zod'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { sampleInput, type SampleOptions, type SampleTurn } from '../parameters/sample-input.ts'
import type { WorkflowGraph } from '../workflow-definition.ts'
import { completePrompt } from './complete-prompt.ts'

export interface SampleGraphsOptions {
  readonly schema: z.core.$ZodType
  readonly generate: (input: unknown) => WorkflowGraph | Promise<WorkflowGraph>
}

/** A graph made of parameters that nobody sent. */
export interface SampleGraph {
  readonly prompt: Prompt
  /** Text in the graph → the parameter that it came from; `*` stands for every element of an array. */
  readonly texts: ReadonlyMap<string, readonly string[]>
}

/** Each is one more graph that is made when a module is loaded. */
const maxTurns = 24
/** Of a slow module only the first graphs are made. */
const maxDurationMs = 1000
/** A longer list is of names, not of ways to go. */
const maxChoices = 8

/**
 * Graphs that show where texts of the caller end up: with booleans as they are, all true, and all false; then with each
 * of the other choices of a parameter, and with each optional text as the only one.
 */
export async function* sampleGraphs({ schema, generate }: SampleGraphsOptions): AsyncGenerator<SampleGraph> {
  const [first, ...others] = [{}, { booleans: true }, { booleans: false }]
  const { turns } = sampleInput(schema, first)
  const endsAt = performance.now() + maxDurationMs
  for (const options of [first, ...others, ...telling(turns).map((turn) => ({ turn }))]) {
    if (performance.now() > endsAt) return
    const graph = await sampleGraph(options)
    if (graph !== undefined) yield graph
  }

  async function sampleGraph(options: SampleOptions = {}): Promise<SampleGraph | undefined> {
    const { input, texts } = sampleInput(schema, options)
    if (texts.size === 0) return undefined
    try {
      return { prompt: completePrompt(await generate(input), ''), texts }
    } catch {
      // A sample is no request: what a module makes of it says nothing.
      return undefined
    }
  }
}

function telling(turns: readonly SampleTurn[]): readonly SampleTurn[] {
  const byPlace = Map.groupBy(turns, (turn) => `${turn.kind} ${turn.kind === 'alone' ? turn.beside : turn.key}`)
  return [...byPlace.values()].filter(mayTell).flat().slice(0, maxTurns)
}

function mayTell(turns: readonly SampleTurn[]): boolean {
  const [first] = turns
  return first?.kind === 'alone' ? turns.length > 1 : turns.length <= maxChoices
}
