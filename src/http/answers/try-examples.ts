import type { ServedWorkflow } from '../../workflows/served-workflow.ts'
import { prepareJob } from '../body/prepare-job.ts'
import { bodyOf } from '../body/received-body.ts'
import type { MediaStorage } from '../body/store-media.ts'
import { exampleBodies } from '../openapi/example-body.ts'

/** Request bodies by name. */
type ExampleBodies = Readonly<Record<string, Record<string, unknown>>>

/** Tells the examples of a workflow that it makes a prompt of, tried once for each version of it. */
export function createExampleTrials(storage: MediaStorage): (workflow: ServedWorkflow) => Promise<ExampleBodies> {
  const tried = new WeakMap<ServedWorkflow, Promise<ExampleBodies>>()
  return (workflow) => {
    let trial = tried.get(workflow)
    if (trial === undefined) tried.set(workflow, (trial = tryExamples(workflow, storage)))
    return trial
  }
}

async function tryExamples(workflow: ServedWorkflow, storage: MediaStorage): Promise<ExampleBodies> {
  const bodies: Record<string, Record<string, unknown>> = {}
  for (const [name, body] of Object.entries(exampleBodies(workflow))) {
    if (await makesPrompt(workflow, body, storage)) bodies[name] = body
  }
  return bodies
}

async function makesPrompt(
  workflow: ServedWorkflow,
  example: Record<string, unknown>,
  storage: MediaStorage,
): Promise<boolean> {
  // Media in the parameters are replaced by the names of files.
  const body = bodyOf(structuredClone(example))
  try {
    await prepareJob(workflow, { body, headers: {}, storage })
    return true
  } catch {
    return false
  }
}
