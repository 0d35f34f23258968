import { setImmediate } from 'node:timers/promises'
import type { NodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import type { NodeDefinition } from '../comfyui/wire/object-info.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import type { InstanceCatalogue } from '../instances/instance-pool.ts'
import type { InstanceState } from '../instances/instance-view.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { checkWorkflow, type WorkflowCheck } from '../workflows/check/check-workflow.ts'
import type { ServedWorkflow, WorkflowRegistry } from '../workflows/served-workflow.ts'
import { defaultPrompt } from './default-prompt.ts'
import { describeLackedPart, lackedParts, type LackedPart } from './lacked-parts.ts'
import { createReadinessLog, type ReadinessLogger } from './readiness-log.ts'
import { describeProblem } from './describe-problem.ts'

export interface WorkflowReadinessOptions {
  readonly registry: Pick<WorkflowRegistry, 'list' | 'get' | 'onChange'>
  /** What each instance is known to have now. */
  readonly instances: () => readonly InstanceCatalogue[]
  readonly logger?: ReadinessLogger
}

/** Whether an instance can run what the smallest request of a workflow would run. */
export interface ReadinessOnInstance {
  readonly id: string
  readonly state: InstanceState
  /** Undefined while that is not known. */
  readonly canRun: boolean | undefined
  readonly lacks: readonly LackedPart[]
  /** Why it cannot; undefined where it can, or where that is not known. */
  readonly reason: string | undefined
}

/** The check of a workflow against one set of nodes, and the instances that have exactly this one. */
export interface CheckedOnInstances {
  readonly instances: readonly string[]
  readonly check: WorkflowCheck
}

export interface ReadinessOfWorkflow {
  /** An instance that takes jobs can run it. Undefined while that is not known. */
  readonly isReady: boolean | undefined
  /** Why it is not ready, or why that is not known. */
  readonly reason: string | undefined
  readonly instances: readonly ReadinessOnInstance[]
  readonly checks: readonly CheckedOnInstances[]
}

export interface ReadinessCounts {
  readonly ready: number
  readonly notReady: number
  readonly unknown: number
}

/** Knows of every served workflow which instances can run it. Nothing is checked when it is asked. */
export interface WorkflowReadiness {
  /** Undefined when there is no such workflow. */
  of(name: string): ReadinessOfWorkflow | undefined
  counts(): ReadinessCounts
  /** The workflows that are known not to be ready, and why. */
  notReady(): readonly { readonly name: string; readonly reason: string }[]
  /** Everything that is known now has been checked. */
  readonly isChecked: boolean
  /** Why not all of these workflows can run now, naming the first that cannot; undefined when all can. */
  whyNotReady(names: readonly string[]): string | undefined
  /** The classes that graphs of the workflows have. */
  classTypes(): Iterable<string>
  /** Instances may have told other nodes than before. */
  refresh(): void
  /** Resolves when everything that is known now has been checked. */
  whenChecked(): Promise<void>
  close(): void
}

/** So long may a check hold up requests, as far as it is in its hands: one graph is checked without a break. */
const sliceMs = 8

/** What one check found, and the definitions that it looked at: as long as these stay, it stays. */
interface Report {
  readonly check: WorkflowCheck
  /** Undefined where no request could be made up. */
  readonly lacks: readonly LackedPart[] | undefined
  readonly seen: ReadonlyMap<string, NodeDefinition | undefined>
}

interface Entry {
  readonly workflow: ServedWorkflow
  prompt: Promise<Prompt | undefined> | undefined
  readonly reports: Map<NodeCatalogue, Report>
}

/**
 * Checks every workflow against every set of nodes that instances have: a changed module alone, and before all others;
 * all of them when instances tell something new. One check at a time, and whatever else waits is done between two.
 */
export function createWorkflowReadiness(options: WorkflowReadinessOptions): WorkflowReadiness {
  const { registry, instances } = options
  const entries = new Map<string, Entry>()
  const log = options.logger && createReadinessLog(options.logger)
  /** Names to check, changed modules first. */
  let changed = new Set<string>()
  let others = new Set<string>()
  let isClosed = false
  let isLooking = false
  let working: Promise<void> | undefined

  function currentCatalogues(): ReadonlySet<NodeCatalogue> {
    return new Set(instances().flatMap(({ catalogue }) => catalogue ?? []))
  }

  /** Many modules that change together are one look. */
  async function lookForChanges(): Promise<void> {
    if (isLooking) return
    isLooking = true
    await setImmediate()
    isLooking = false
    if (isClosed) return
    const served = new Map(registry.list().map((workflow) => [workflow.name, workflow]))
    for (const name of entries.keys()) {
      if (served.has(name)) continue
      entries.delete(name)
      log?.forget(name)
    }
    for (const [name, workflow] of served) {
      if (entries.get(name)?.workflow === workflow) continue
      entries.set(name, { workflow, prompt: undefined, reports: new Map() })
      changed.add(name)
    }
    start()
  }

  function start(): void {
    if (isClosed || working !== undefined || changed.size + others.size === 0) return
    working = work().finally(() => {
      working = undefined
      start()
    })
  }

  async function work(): Promise<void> {
    for (let name = next(); name !== undefined && !isClosed; name = next()) {
      const entry = entries.get(name)
      if (entry === undefined) continue
      try {
        await checkEntry(entry)
      } catch (error) {
        // The mistake is in the check. What it would have said stays unknown, of this workflow alone.
        log?.fail(name, error)
        continue
      }
      if (entries.get(name) === entry)
        log?.note(
          name,
          [...entry.reports.values()].map(({ check }) => check),
        )
    }
    if (!isClosed && currentCatalogues().size > 0) log?.sum(counts(), entries.size)
  }

  function next(): string | undefined {
    const from = changed.size > 0 ? changed : others
    const [name] = from
    if (name === undefined) return undefined
    from.delete(name)
    others.delete(name)
    return name
  }

  async function checkEntry(entry: Entry): Promise<void> {
    const current = currentCatalogues()
    for (const catalogue of current) {
      if (entry.reports.has(catalogue)) continue
      const standing = [...entry.reports.values()].find((report) => holds(report, catalogue))
      entry.reports.set(catalogue, standing ?? (await report(entry, catalogue)))
      // Requests come first.
      if (standing === undefined) await setImmediate()
      if (isClosed) return
    }
    for (const catalogue of entry.reports.keys()) if (!current.has(catalogue)) entry.reports.delete(catalogue)
  }

  function counts(): ReadinessCounts {
    const states = [...entries.keys()].map((name) => of(name)?.isReady)
    const ready = states.filter((isReady) => isReady === true).length
    const notReady = states.filter((isReady) => isReady === false).length
    return { ready, notReady, unknown: states.length - ready - notReady }
  }

  function of(name: string): ReadinessOfWorkflow | undefined {
    const workflow = registry.get(name)
    if (workflow === undefined) return undefined
    const entry = entries.get(name)
    const reports = entry?.workflow === workflow ? entry.reports : undefined
    const onInstances: ReadinessOnInstance[] = []
    const checks = new Map<WorkflowCheck, string[]>()
    for (const { id, state, catalogue } of instances()) {
      const found = catalogue && reports?.get(catalogue)
      onInstances.push({ id, state, ...verdictOf(found) })
      if (found === undefined) continue
      const sharers = checks.get(found.check)
      if (sharers === undefined) checks.set(found.check, [id])
      else sharers.push(id)
    }
    return {
      ...summarize(onInstances),
      instances: onInstances,
      checks: [...checks].map(([check, sharers]) => ({ instances: sharers, check })),
    }
  }

  registry.onChange(() => void lookForChanges())
  void lookForChanges()

  return {
    of,
    counts,
    notReady: () =>
      [...entries.keys()].flatMap((name) => {
        const { isReady, reason = '' } = of(name) ?? {}
        return isReady === false ? [{ name, reason }] : []
      }),
    get isChecked() {
      return (
        !isLooking &&
        working === undefined &&
        instances().every(({ state, catalogue }) => state !== 'ready' || catalogue !== undefined)
      )
    },
    whyNotReady(names) {
      for (const name of names) {
        const readiness = of(name)
        if (readiness === undefined) return describeUnknown(name, registry)
        if (readiness.isReady !== true) return `${name} is not ready: ${readiness.reason ?? 'it is not checked yet.'}`
      }
      return undefined
    },
    classTypes() {
      const classTypes = new Set<string>()
      for (const { reports } of entries.values()) {
        for (const { seen } of reports.values()) for (const classType of seen.keys()) classTypes.add(classType)
      }
      return classTypes
    },
    refresh() {
      const current = currentCatalogues()
      for (const [name, { reports }] of entries) {
        if ([...current].some((catalogue) => !reports.has(catalogue))) others.add(name)
      }
      start()
    },
    async whenChecked() {
      // What was just loaded is looked for in the next turn.
      await setImmediate()
      while (working !== undefined) await working
    },
    close() {
      isClosed = true
      changed = new Set()
      others = new Set()
    },
  }
}

async function report(entry: Entry, catalogue: NodeCatalogue): Promise<Report> {
  const { workflow } = entry
  const seen = new Map<string, NodeDefinition | undefined>()
  const lookUp = (classType: string) => {
    const definition = catalogue.lookUp(classType)
    seen.set(classType, definition)
    return definition
  }
  const watched = { ...catalogue, lookUp }
  // What lies in the folder of uploads is not kept: it changes with every call.
  const check = await checkWorkflow(inSlices(workflow), { catalogue: watched, fileExists: () => true })
  const prompt = await (entry.prompt ??= defaultPrompt(workflow))
  const lacks = prompt && lackedParts(watched, prompt, workflow.definition.metadata)
  return { check, lacks, seen }
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
function holds({ seen }: Report, catalogue: NodeCatalogue): boolean {
  for (const [classType, definition] of seen) if (catalogue.lookUp(classType) !== definition) return false
  return true
}

function verdictOf(report: Report | undefined): Pick<ReadinessOnInstance, 'canRun' | 'lacks' | 'reason'> {
  if (report === undefined) return { canRun: undefined, lacks: [], reason: undefined }
  const { lacks, check } = report
  if (lacks === undefined) return { canRun: undefined, lacks: [], reason: firstErrorOf(check) }
  if (lacks.length > 0) return { canRun: false, lacks, reason: lacks.map(describeLackedPart).join(' ') }
  switch (check.verdict) {
    case 'accepted':
      return { canRun: true, lacks, reason: undefined }
    case 'broken':
      return { canRun: undefined, lacks, reason: firstErrorOf(check) }
    case 'partly':
    case 'refused':
      return { canRun: false, lacks, reason: firstErrorOf(check) ?? 'ComfyUI would refuse it.' }
  }
}

function firstErrorOf({ problems }: WorkflowCheck): string | undefined {
  const error = problems.find(({ severity }) => severity === 'error')
  return error && describeProblem(error)
}

function summarize(onInstances: readonly ReadinessOnInstance[]): Pick<ReadinessOfWorkflow, 'isReady' | 'reason'> {
  if (onInstances.some(({ state, canRun }) => state === 'ready' && canRun === true)) {
    return { isReady: true, reason: undefined }
  }
  const able = onInstances.filter(({ canRun }) => canRun === true)
  if (able.length > 0) {
    const states = able.map(({ id, state }) => `${id} is ${state}`).join(', ')
    return { isReady: false, reason: `No instance that could run it takes jobs now: ${states}.` }
  }
  const isOpen = onInstances.some(({ canRun }) => canRun === undefined)
  const why = onInstances.find(({ reason }) => reason !== undefined)
  if (why === undefined) {
    const reason = onInstances.length === 0 ? 'There is no instance.' : 'No instance has told what it can run yet.'
    return { isReady: isOpen ? undefined : false, reason }
  }
  return { isReady: isOpen ? undefined : false, reason: `${why.id}: ${why.reason ?? ''}` }
}

function describeUnknown(name: string, registry: Pick<WorkflowRegistry, 'list'>): string {
  const near = nearestName(
    name,
    registry.list().map((workflow) => workflow.name),
  )
  return `There is no workflow ${name}.${near === undefined ? '' : ` Did you mean ${near}?`}`
}
