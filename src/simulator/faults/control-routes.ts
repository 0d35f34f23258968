import type { IncomingMessage, ServerResponse } from 'node:http'
import { isRecord } from '../../lib/json-record.ts'
import { readJson, sendEmpty, sendJson } from '../routes/http-exchange.ts'
import type { FaultPlan } from './fault-plan.ts'
import { FaultSpecError, parseFaultSpec } from './fault-spec.ts'
import { faultDefinition, faultNames, faultSyntax, isFaultName } from './fault-table.ts'

/** Answers a request for `/simulator/faults`, true, or leaves it alone, false. */
export type ControlAnswer = (request: IncomingMessage, response: ServerResponse) => boolean

export const faultsPath = '/simulator/faults'
const controlPath = /^\/simulator\/faults(?:\/([^/?]+))?(?:\?|$)/
const loopbackHost = /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?$/

/**
 * `GET /simulator/faults` tells what is armed, what there is and how often each has struck; POST takes
 * `{"faults": ["restart=progress,times=1"]}`; DELETE disarms all, or the one whose name follows. Like no route of
 * ComfyUI it is closed to web pages: their `Origin`, and host names that lead to loopback, are refused.
 */
export function controlAnswer(plan: FaultPlan): ControlAnswer {
  return (request, response) => {
    const match = controlPath.exec(request.url ?? '')
    if (match === null) return false
    const { host = '', origin } = request.headers
    if (origin !== undefined || !loopbackHost.test(host)) sendEmpty(response, 403)
    else void answer(request, response, match[1], plan)
    return true
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  name: string | undefined,
  plan: FaultPlan,
): Promise<void> {
  const refuse = (status: number, error: string): void => sendJson(response, status, { error })
  if (name !== undefined && !isFaultName(name)) return refuse(404, `There is no fault "${name}".`)
  switch (request.method) {
    case 'GET':
      break
    case 'DELETE':
      if (name === undefined) plan.clear()
      else plan.clear(name)
      break
    case 'POST': {
      const specs = await readSpecs(request)
      if (specs === undefined) return refuse(400, 'Send {"faults": ["<fault>", ...]}.')
      try {
        for (const spec of specs) parseFaultSpec(spec)
      } catch (error) {
        if (error instanceof FaultSpecError) return refuse(400, error.message)
        throw error
      }
      // Answered first, because what is set for now may end the connection.
      sendJson(response, 200, { faults: specs })
      return plan.set(...specs)
    }
    case undefined:
    default:
      return refuse(405, 'GET, POST and DELETE are possible.')
  }
  const faults = faultNames.map((known) => {
    const { description, counts } = faultDefinition(known)
    return { name: known, syntax: faultSyntax(known), description, counts, fired: plan.fired(known) }
  })
  sendJson(response, 200, { armed: plan.armed(), faults })
}

async function readSpecs(request: IncomingMessage): Promise<string[] | undefined> {
  try {
    const body = await readJson(request)
    const given = isRecord(body) ? body['faults'] : undefined
    return Array.isArray(given) && given.every((spec) => typeof spec === 'string') ? given : undefined
  } catch {
    return undefined
  }
}
