import { setImmediate } from 'node:timers/promises'
import type { NodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import type { NodePackLookup } from '../comfyui/wire/node-packs.ts'
import type { NodeDefinition } from '../comfyui/wire/object-info.ts'
import { checkWorkflow, type WorkflowCheck } from '../workflows/check/module/check-workflow.ts'
import type { ServedWorkflow } from '../workflows/served-workflow.ts'
import { defaultPrompt } from './default-prompt.ts'
import { mayRun } from './left-to-classes.ts'
import { lackedParts, type LackedPart } from './lacked-parts.ts'

/** So long may a check hold up requests, as far as it is in its hands: one graph is checked without a break. */
const sliceMs = 8

/** What one check found, and the definitions that it looked at: as long as these stay, it stays. */
export interface CheckReport {
  readonly check: WorkflowCheck
  /** Undefined where no request could be made up. */
  readonly lacks: readonly LackedPart[] | undefined
  /** That request is not predicted to be refused. */
  readonly mayRun: boolean
  readonly seen: ReadonlyMap<string, NodeDefinition | undefined>
}

export interface CheckReportOptions {
  readonly catalogue: NodeCatalogue
  /** Asked for when a class is missing. Never rejects. */
  readonly nodePacks: () => Promise<NodePackLookup>
}

/** Checks a workflow, and what its smallest request lacks. */
export async function reportCheck(
  workflow: ServedWorkflow,
  { catalogue, nodePacks }: CheckReportOptions,
): Promise<CheckReport> {
  const seen = new Map<string, NodeDefinition | undefined>()
  const lookUp = (classType: string) => {
    const definition = catalogue.lookUp(classType)
    seen.set(classType, definition)
    return definition
  }
  const watched = { ...catalogue, lookUp }
  // What lies in the folder of uploads is not kept: it changes with every call.
  const checkOptions = { catalogue: watched, fileExists: () => true }
  let check = await checkWorkflow(inSlices(workflow), checkOptions)
  let packOf: NodePackLookup = () => undefined
  if ([...seen.values()].includes(undefined)) {
    packOf = await nodePacks()
    check = await checkWorkflow(inSlices(workflow), { ...checkOptions, packOf })
  }
  const prompt = await defaultPrompt(workflow)
  const lacks = prompt && lackedParts(watched, prompt, { metadata: workflow.definition.metadata, packOf })
  return { check, lacks, mayRun: prompt !== undefined && mayRun(prompt, watched), seen }
}

/** The same workflow, which lets others work between two of its graphs: there may be hundreds. */
function inSlices(workflow: ServedWorkflow): ServedWorkflow {
  let sinceMs = performance.now()
  return {
    ...workflow,
    async generate(input) {
      if (performance.now() - sinceMs > sliceMs) {
        await setImmediate()
        sinceMs = performance.now()
      }
      return workflow.generate(input)
    },
  }
}

/** What was found with one catalogue is true of another in which the same classes are defined the same. */
export function holds({ seen }: CheckReport, catalogue: NodeCatalogue): boolean {
  for (const [classType, definition] of seen) if (catalogue.lookUp(classType) !== definition) return false
  return true
}
