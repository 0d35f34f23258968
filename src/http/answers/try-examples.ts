import type { Prompt } from '../../comfyui/wire/prompt.ts'
import type { ServedWorkflow } from '../../workflows/served-workflow.ts'
import { prepareJob } from '../body/prepare-job.ts'
import { bodyOf } from '../body/received-body.ts'
import type { MediaStorage } from '../body/store-media.ts'
import { exampleBodies } from '../openapi/example-body.ts'

/** The examples of a workflow that it makes a prompt of. */
export interface TriedExamples {
  readonly bodies: Readonly<Record<string, Record<string, unknown>>>
  /** Of the example with the fewest parameters; undefined when none works. */
  readonly prompt: Prompt | undefined
}

/** Tries the examples of a workflow, once for each version of it. */
export function createExampleTrials(storage: MediaStorage): (workflow: ServedWorkflow) => Promise<TriedExamples> {
  const tried = new WeakMap<ServedWorkflow, Promise<TriedExamples>>()
  return (workflow) => {
    let trial = tried.get(workflow)
    if (trial === undefined) tried.set(workflow, (trial = tryExamples(workflow, storage)))
    return trial
  }
}

async function tryExamples(workflow: ServedWorkflow, storage: MediaStorage): Promise<TriedExamples> {
  const prompts = new Map<string, Prompt>()
  const bodies: Record<string, Record<string, unknown>> = {}
  for (const [name, body] of Object.entries(exampleBodies(workflow))) {
    const prompt = await tryExample(workflow, body, storage)
    if (prompt === undefined) continue
    prompts.set(name, prompt)
    bodies[name] = body
  }
  return { bodies, prompt: prompts.get('minimal') ?? prompts.values().next().value }
}

async function tryExample(
  workflow: ServedWorkflow,
  example: Record<string, unknown>,
  storage: MediaStorage,
): Promise<Prompt | undefined> {
  // Media in the parameters are replaced by the names of files.
  const body = bodyOf(structuredClone(example))
  try {
    return (await prepareJob(workflow, { body, headers: {}, storage })).prompt
  } catch {
    return undefined
  }
}
