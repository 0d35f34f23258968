import { setImmediate } from 'node:timers/promises'
import type { NodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import type { NodePackLookup } from '../comfyui/wire/node-packs.ts'
import type { InstanceCatalogue } from '../instances/instance-pool.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { withinTime } from '../lib/within-time.ts'
import type { WorkflowCheck } from '../workflows/check/module/check-workflow.ts'
import type { ServedWorkflow, WorkflowRegistry } from '../workflows/served-workflow.ts'
import { type CheckReport, holds, reportCheck } from './check-report.ts'
import { createReadinessLog, type ReadinessLogger } from './readiness-log.ts'
import { placeOfList } from './place-of-list.ts'
import { type ReadinessOfWorkflow, type ReadinessOnInstance, summarize, verdictOf } from './readiness-verdict.ts'

export interface WorkflowReadinessOptions {
  readonly registry: Pick<WorkflowRegistry, 'list' | 'get' | 'onChange'>
  /** What each instance is known to have now. */
  readonly instances: () => readonly InstanceCatalogue[]
  /** Which pack of custom nodes has a class. Asked for when a class is missing. Never rejects. Default: nobody knows. */
  readonly nodePacks?: () => Promise<NodePackLookup>
  readonly logger?: ReadinessLogger
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
  /**
   * Resolves when the workflow is checked against what each instance has told or is about to tell, and after some seconds
   * in any case.
   */
  whenKnown(name: string): Promise<void>
  /** Resolves when everything that is known now has been checked. */
  whenChecked(): Promise<void>
  close(): void
}

/** Longer, nobody waits for what instances are about to tell. */
const knownTimeoutMs = 5000
/** Longer, the others do not wait for a module that is slow to make its graphs. */
const patienceMs = 500
interface Entry {
  readonly workflow: ServedWorkflow
  readonly reports: Map<NodeCatalogue, CheckReport>
  /** The check failed, so that there is nothing to wait for. */
  isFailed: boolean
}

/**
 * Checks every workflow against every set of nodes that instances have: a changed module alone, and before all others;
 * all of them when instances tell something new. One check at a time, but for modules that take long, and whatever else
 * waits is done between two.
 */
export function createWorkflowReadiness(options: WorkflowReadinessOptions): WorkflowReadiness {
  const { registry, instances, nodePacks = async () => () => undefined } = options
  const entries = new Map<string, Entry>()
  const log = options.logger && createReadinessLog(options.logger)
  /** Names to check, changed modules first. */
  let changed = new Set<string>()
  let others = new Set<string>()
  /** Who waits for something to be checked. */
  const waiting = new Set<() => void>()
  let isClosed = false
  let isLooking = false
  let working: Promise<void> | undefined
  /** Checks that go on. */
  const running = new Map<Entry, Promise<void>>()

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
      entries.set(name, { workflow, reports: new Map(), isFailed: false })
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
      // What changes meanwhile is looked at when it is done.
      if (entry === undefined || running.has(entry)) continue
      const check = checkNamed(name, entry)
      running.set(entry, check)
      await withinTime(check, patienceMs)
    }
    if (!isClosed && currentCatalogues().size > 0) log?.sum(counts(), entries.size)
  }

  /** Never rejects. */
  async function checkNamed(name: string, entry: Entry): Promise<void> {
    try {
      await checkEntry(entry)
      const checks = [...entry.reports.values()].map(({ check }) => check)
      if (entries.get(name) === entry) log?.note(name, checks)
    } catch (error) {
      // The mistake is in the check. What it would have said stays unknown, of this workflow alone.
      entry.isFailed = true
      log?.fail(name, error)
    }
    running.delete(entry)
    stir()
    if (entries.get(name) === entry && !entry.isFailed && isBehind(entry)) {
      others.add(name)
      start()
    }
  }

  /** Instances have told something that it is not checked against. */
  function isBehind({ reports }: Entry): boolean {
    return [...currentCatalogues()].some((catalogue) => !reports.has(catalogue))
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
      entry.reports.set(catalogue, standing ?? (await reportCheck(entry.workflow, { catalogue, nodePacks })))
      // Requests come first.
      if (standing === undefined) await setImmediate()
      if (isClosed) return
    }
    for (const catalogue of entry.reports.keys()) if (!current.has(catalogue)) entry.reports.delete(catalogue)
  }

  function stir(): void {
    for (const look of waiting) look()
  }

  /** There is nothing to wait for that would tell more. */
  function isKnown(name: string): boolean {
    const workflow = registry.get(name)
    if (isClosed || workflow === undefined) return true
    const entry = entries.get(name)
    const reports = entry?.workflow === workflow ? entry.reports : undefined
    if (entry?.isFailed === true) return true
    return instances().every(({ catalogue, isFirstRead }) =>
      catalogue === undefined ? !isFirstRead : reports?.has(catalogue) === true,
    )
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
      ...summarize(onInstances, whyOpen(entry)),
      instances: onInstances,
      checks: [...checks].map(([check, sharers]) => ({ instances: sharers, check })),
    }
  }

  function whyOpen(entry: Entry | undefined): string {
    if (entry?.isFailed === true) return 'It could not be checked: the log says why.'
    const isTold = instances().some(({ catalogue }) => catalogue !== undefined)
    return isTold ? 'It is not checked yet.' : 'No instance has told what it can run yet.'
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
        running.size === 0 &&
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
      for (const { listFields } of registry.list()) {
        for (const { list } of listFields) {
          const place = list && placeOfList(list)
          if (place !== undefined) classTypes.add(place.classType)
        }
      }
      return classTypes
    },
    refresh() {
      for (const [name, entry] of entries) if (isBehind(entry)) others.add(name)
      start()
      stir()
    },
    async whenKnown(name) {
      if (isKnown(name)) return
      if (others.has(name)) changed.add(name)
      const { promise: known, resolve } = Promise.withResolvers<true>()
      const look = () => {
        if (isKnown(name)) resolve(true)
      }
      waiting.add(look)
      await withinTime(known, knownTimeoutMs)
      waiting.delete(look)
    },
    async whenChecked() {
      // What was just loaded is looked for in the next turn.
      await setImmediate()
      while (working !== undefined || running.size > 0) await (working ?? Promise.all(running.values()))
    },
    close() {
      isClosed = true
      changed = new Set()
      others = new Set()
      stir()
    },
  }
}

function describeUnknown(name: string, registry: Pick<WorkflowRegistry, 'list'>): string {
  const near = nearestName(
    name,
    registry.list().map((workflow) => workflow.name),
  )
  return `There is no workflow ${name}.${near === undefined ? '' : ` Did you mean ${near}?`}`
}
