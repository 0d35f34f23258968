import type { ErrorCode } from '../../src/errors/error-catalogue.ts'
import type { FaultName } from '../../src/simulator/faults/fault-table.ts'
import type { SimulatedVersion } from '../../src/simulator/version-profile.ts'

/** What a job does at the moment in which a fault comes. */
export const phases = ['queued', 'submitting', 'running', 'finishing', 'fetching outputs'] as const
export type Phase = (typeof phases)[number]

type Versions = readonly [SimulatedVersion, ...SimulatedVersion[]]

/** What is right for the jobs of a case. */
export type Expectation =
  /** The fault is the instance's: nobody notices. */
  | 'all succeed'
  /** The fault belongs to one job: that one fails with one of these codes, once for each time the fault struck. */
  | { readonly fails: readonly ErrorCode[] }
  /** The same, but it may come too late to have an effect. */
  | { readonly mayFail: readonly ErrorCode[] }

export interface FaultCase {
  readonly name: FaultName
  /** As the simulator takes it. */
  readonly fault: string
  readonly expect: Expectation
  /** What the callers do that come while the fault is armed. Default: they order pictures. */
  readonly callers?: 'upload' | 'cancel'
  /** Armed with it, because the fault needs an occasion. */
  readonly occasion?: string
  /** Its occasion is a job that is submitted again. */
  readonly needsRetry?: boolean
  /** Servers that have what the fault breaks; all others have no such occasion. */
  readonly versions?: Versions
}

const anyVersion: Versions = ['0.33.0', '0.3.64']

/** The servers a case is run against, one after the other. */
export function versionsOf({ versions = anyVersion }: FaultCase): Versions {
  return versions
}

const refusals = ['500', '503', '429', '413', '403'] as const
const files = ['404', '500', 'half', 'empty', 'page', 'wrong-type', 'drip'] as const
const now = ['restart', 'crash', 'refuse', 'ws-close', 'ws-half-open', 'ws-deaf', 'ws-garbage'] as const
/** Longer than the gateway waits for an answer in these tests. */
const tooLateMs = 5000

/** Every fault of the simulator, and what the gateway owes its callers under it. */
export const faultCases: readonly FaultCase[] = [
  ...now.map((name): FaultCase => ({ name, fault: `${name}=now`, expect: 'all succeed' })),
  { name: 'ws-stall', fault: 'ws-stall=now', expect: 'all succeed' },
  { name: 'ws-stall', fault: 'ws-stall=now,ms=3000', expect: 'all succeed' },
  { name: 'prompt-delay', fault: 'prompt-delay=1000,times=1', expect: 'all succeed' },
  { name: 'prompt-delay', fault: `prompt-delay=${tooLateMs},times=1`, expect: 'all succeed' },
  { name: 'prompt-drop', fault: 'prompt-drop,times=1', expect: 'all succeed' },
  { name: 'events-first', fault: 'events-first,times=1', expect: 'all succeed' },
  { name: 'prompt-500', fault: 'prompt-500,times=1', expect: 'all succeed' },
  ...refusals.map((status): FaultCase => ({
    name: 'prompt-refuse',
    fault: `prompt-refuse=${status},times=1`,
    expect: 'all succeed',
  })),
  { name: 'node-errors', fault: 'node-errors,times=1', expect: { fails: ['workflow_unavailable'] } },
  { name: 'prompt-deleted', fault: 'prompt-deleted=accepted,times=1', expect: 'all succeed' },
  { name: 'prompt-deleted', fault: 'prompt-deleted=queued,times=1', expect: 'all succeed' },
  { name: 'interrupted', fault: 'interrupted=execution_start,times=1', expect: { fails: ['canceled_upstream'] } },
  { name: 'interrupted', fault: 'interrupted=progress,times=1', expect: { fails: ['canceled_upstream'] } },
  { name: 'interrupted', fault: 'interrupted=executed,times=1', expect: { mayFail: ['canceled_upstream'] } },
  { name: 'interrupt-late', fault: 'interrupt-late,times=1', expect: 'all succeed', callers: 'cancel' },
  { name: 'worker-death', fault: 'worker-death,times=1', expect: 'all succeed' },
  { name: 'slow-node', fault: 'slow-node=1500,times=1', expect: 'all succeed' },
  { name: 'oom', fault: 'oom,times=1', expect: 'all succeed' },
  { name: 'blocked', fault: 'blocked,times=1', expect: 'all succeed' },
  { name: 'nan', fault: 'nan,times=1', expect: 'all succeed' },
  { name: 'slow-history', fault: 'slow-history=3000,times=1', expect: 'all succeed' },
  { name: 'history-lost', fault: 'history-lost=one,times=1', expect: 'all succeed' },
  { name: 'history-lost', fault: 'history-lost=all,times=1', expect: 'all succeed' },
  ...files.map((what): FaultCase => ({ name: 'view', fault: `view=${what},times=1`, expect: 'all succeed' })),
  { name: 'upload-lost', fault: 'upload-lost,times=1', expect: 'all succeed', callers: 'upload' },
  ...brokenRoutes('delay', `ms=${tooLateMs}`),
  ...brokenRoutes('http-500'),
]

/** Routes that are slow or answer 500, and what makes the gateway call them. */
function brokenRoutes(name: 'delay' | 'http-500', option?: string): FaultCase[] {
  const fault = (route: string) => [`${name}=${route}`, 'times=1', option].filter(Boolean).join(',')
  const expect = 'all succeed'
  return [
    { name, fault: fault('prompt'), expect },
    { name, fault: fault('view'), expect },
    { name, fault: fault('upload'), expect, callers: 'upload' },
    { name, fault: fault('jobs'), expect, occasion: 'ws-close=progress,times=1', versions: ['0.33.0'] },
    { name, fault: fault('queue'), expect, occasion: 'ws-close=progress,times=1', versions: ['0.3.64'] },
    { name, fault: fault('history'), expect, occasion: 'ws-close=progress,times=1', versions: ['0.3.64'] },
    { name, fault: fault('interrupt'), expect, callers: 'cancel', versions: ['0.3.64'] },
    { name, fault: fault('object_info'), expect, occasion: 'ws-close=progress,times=1' },
    { name, fault: fault('system_stats'), expect, occasion: 'ws-close=progress,times=1' },
    { name, fault: fault('free'), expect, occasion: 'oom,times=1', needsRetry: true },
  ]
}
