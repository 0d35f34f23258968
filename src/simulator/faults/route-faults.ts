import { HttpStatusError, serverTrouble } from '../routes/http-exchange.ts'
import type { FaultPlan } from './fault-plan.ts'

export interface RouteFaultsOptions {
  plan: Pick<FaultPlan, 'isArmed' | 'strike'>
  /** Rejects when the process ends. */
  sleep: (ms: number) => Promise<void>
}

/** Holds or breaks a request before anything is done about it; nothing is returned where it goes on at once. */
export type HoldRequest = (path: string) => Promise<void> | undefined

export function createRouteFaults({ plan, sleep }: RouteFaultsOptions): HoldRequest {
  return (path) => {
    if (!plan.isArmed()) return undefined
    const [, group = ''] = path.split('/', 2)
    const delay = plan.strike('delay', group)
    const isBroken = plan.strike('http-500', group) !== undefined
    if (delay === undefined && !isBroken) return undefined
    return hold(delay?.ms ?? 0, isBroken)
  }

  async function hold(ms: number, isBroken: boolean): Promise<void> {
    await sleep(ms)
    if (isBroken) throw new HttpStatusError(500, serverTrouble)
  }
}
