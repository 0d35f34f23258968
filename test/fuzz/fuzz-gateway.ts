import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import { FormData, Agent, request } from 'undici'
import { createJudge, type Answer, type Judge } from './judge-answer.ts'
import { readOpenApiDocument, type Operation } from './openapi-document.ts'
import { planRequests, planStrays, type PlannedBody, type RequestPlan } from './request-plans.ts'

export interface FuzzReport {
  readonly requests: number
  /** Answers by their status. */
  readonly statuses: Readonly<Record<string, number>>
  /** Answers 2xx by operation. */
  readonly succeeded: Readonly<Record<string, number>>
  /** Operations of the document that had no answer 2xx. */
  readonly neverSucceeded: readonly string[]
  /** What is wrong, each kind with one request that showed it. */
  readonly problems: readonly string[]
}

export interface FuzzOptions {
  /** Where the server answers, without a slash at the end. */
  readonly url: string
  readonly requests: number
  readonly seed: number
  /** Codes of problems with a status of 500 and more that the server may answer, because its faults were ordered. */
  readonly expectedFaults: readonly string[]
  readonly onProgress?: (done: number) => void
}

const answerTimeoutMs = 60_000
const streamReadMs = 500
const endTimeoutMs = 120_000
const concurrency = 12
const chunkSize = 40
const jsonType = 'application/json'

/** Sends what its OpenAPI document allows, and what it does not, and holds each answer against the document. */
export async function fuzzGateway({
  url,
  requests,
  seed,
  expectedFaults,
  onProgress,
}: FuzzOptions): Promise<FuzzReport> {
  const agent = new Agent({ connections: concurrency * 2 })
  try {
    const { body } = await request(`${url}/openapi.json`, { dispatcher: agent })
    const document = readOpenApiDocument(await body.json())
    const judge = createJudge(document)
    const arbitraries = [
      ...document.operations.map((operation) => planRequests(operation, document)),
      planStrays(document),
    ]
    const plans = drawPlans(arbitraries, requests, seed)
    const findings = new Findings(expectedFaults, document.operations)
    const made = new MadeByServer()
    let done = 0
    const worker = async () => {
      for (const plan of plans) {
        await send(plan, { url, agent, judge, made, findings })
        done += 1
        onProgress?.(done)
      }
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    if (document.operations.some(({ path }) => path === '/jobs')) {
      const left = await openJobs(url, agent)
      if (left.length > 0) findings.addOfServer('jobs do not end', left.join(', '))
    }
    return findings.report(done)
  } finally {
    await agent.destroy()
  }
}

/** One generator for all workers: each takes the next plan. The same seed gives the same plans. */
function* drawPlans(
  arbitraries: readonly fc.Arbitrary<RequestPlan>[],
  count: number,
  seed: number,
): Generator<RequestPlan> {
  let drawn = 0
  for (let round = 0; ; round += 1) {
    const samples = arbitraries.map((arbitrary, index) =>
      fc.sample(arbitrary, { numRuns: chunkSize, seed: seed + round * 1_000 + index }),
    )
    for (let index = 0; index < chunkSize; index += 1) {
      for (const plans of samples) {
        const plan = plans[index]
        if (plan === undefined) continue
        if (drawn === count) return
        drawn += 1
        yield plan
      }
    }
  }
}

interface Sending {
  readonly url: string
  readonly agent: Agent
  readonly judge: Judge
  readonly made: MadeByServer
  readonly findings: Findings
}

async function send(plan: RequestPlan, { url, agent, judge, made, findings }: Sending): Promise<void> {
  const path = made.fill(plan)
  const { body, contentType } = encodeBody(plan.body)
  const headers = { ...(contentType !== undefined && { 'content-type': contentType }), ...plan.headers }
  const sent = `${plan.method} ${path} ${JSON.stringify(plan.headers)} ${describeBody(plan.body)}`
  let answer: Answer
  try {
    answer = await exchange(`${url}${path}`, { agent, method: plan.method, headers, body })
  } catch (error) {
    findings.add(plan, 'no answer', `${error instanceof Error ? error.message : String(error)}: ${sent}`)
    return
  }
  made.learn(plan, answer)
  findings.count(plan, answer)
  for (const fault of judge.judge(plan.operation, plan.method, answer))
    findings.add(plan, `${answer.status}: ${fault}`, sent)
  const code = codeOf(answer)
  if (answer.status >= 500 && !findings.isExpected(plan, code)) {
    findings.add(plan, `${answer.status} ${code ?? ''}`, `${sent} → ${answer.bytes.toString().slice(0, 300)}`)
  }
  if (plan.operation && plan.body?.kind === 'json' && !('content-type' in plan.headers)) {
    const isAllowed = judge.allows(plan.operation, plan.body.value)
    if (!isAllowed && answer.status < 300) findings.add(plan, 'a body that its schema refuses is accepted', sent)
    const isAlone = plan.query === '' && Object.keys(plan.headers).length === 0 && !plan.path.includes('{')
    // No schema can say that a text has to be well-formed.
    const isBrokenText = answer.bytes.includes('"broken_text"')
    if (isAllowed && isAlone && code === 'validation_error' && !isBrokenText)
      findings.add(
        plan,
        'a body that its schema allows is refused',
        `${sent} → ${answer.bytes.toString().slice(0, 400)}`,
      )
  }
}

/** Ids of jobs that have not ended, after all the time that they need. */
async function openJobs(url: string, agent: Agent): Promise<string[]> {
  const address = `${url}/jobs?status=queued,running,canceling&limit=5`
  const deadline = performance.now() + endTimeoutMs
  for (;;) {
    const { bytes } = await exchange(address, { agent, method: 'GET', headers: {}, body: undefined })
    const left = valuesOf('self', bytes)
    if (left.length === 0 || performance.now() > deadline) return left
    await setTimeout(500)
  }
}

interface Exchange {
  readonly agent: Agent
  readonly method: string
  readonly headers: Record<string, string>
  readonly body: string | FormData | undefined
}

async function exchange(url: string, { agent, method, headers, body }: Exchange): Promise<Answer> {
  const signal = AbortSignal.timeout(answerTimeoutMs)
  const answer = await request(url, { dispatcher: agent, method, headers, body: body ?? null, signal })
  const chunks: Buffer[] = []
  let isCut = false
  const isStream = String(answer.headers['content-type']).startsWith('text/event-stream')
  const reading = (async () => {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) chunks.push(chunk)
  })()
  if (isStream) {
    // A stream may go on for ever: what comes at first is enough.
    const gaveUp = await Promise.race([reading.then(() => false), setTimeout(streamReadMs, true, { ref: false })])
    if (gaveUp) {
      isCut = true
      answer.body.destroy()
    }
    await reading.catch(() => {})
  } else {
    await reading
  }
  return { status: answer.statusCode, headers: flatten(answer.headers), bytes: Buffer.concat(chunks), isCut }
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  )
}

function encodeBody(body: PlannedBody | undefined): {
  body: string | FormData | undefined
  contentType?: string | undefined
} {
  switch (body?.kind) {
    case undefined:
      return { body: undefined }
    case 'json':
      return { body: JSON.stringify(body.value), contentType: jsonType }
    case 'raw':
      return { body: body.text, contentType: body.contentType }
    case 'parts':
      return { body: formOf(body.fields) }
  }
}

function formOf(fields: Readonly<Record<string, unknown>>): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    const dataUrl = /^data:([^;,]+);base64,(.*)$/s.exec(text)
    if (dataUrl)
      form.append(name, new File([Buffer.from(dataUrl[2] ?? '', 'base64')], 'a.bin', { type: dataUrl[1] ?? '' }))
    else form.append(name, text)
  }
  return form
}

function describeBody(body: PlannedBody | undefined): string {
  if (body === undefined) return ''
  const shown = JSON.stringify(body)
  return shown.length > 500 ? `${shown.slice(0, 500)}…` : shown
}

function codeOf({ headers, bytes }: Answer): string | undefined {
  if (!headers['content-type']?.startsWith('application/problem+json')) return undefined
  return /"code":"(\w+)"/.exec(bytes.toString())?.[1]
}

/** Ids that answers named, so that later requests find something. */
class MadeByServer {
  readonly #jobs: string[] = []
  readonly #instances: string[] = []
  readonly #workflows: string[] = []

  learn({ operation, method }: RequestPlan, { status, headers, bytes }: Answer): void {
    const job = headers['job-id'] ?? /^\/jobs\/([^/]+)$/.exec(headers['location'] ?? '')?.[1]
    if (job !== undefined) this.#jobs.push(job)
    if (method !== 'GET' || status !== 200) return
    if (operation?.path === '/instances') replace(this.#instances, valuesOf('id', bytes))
    if (operation?.path === '/workflows') replace(this.#workflows, valuesOf('name', bytes))
  }

  fill({ path, pathValues, query }: RequestPlan): string {
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const { pick, text } = pathValues[name] ?? { pick: undefined, text: 'x' }
      const known = this.#known(path, name)
      return (pick === undefined ? undefined : known[pick % known.length]) ?? text
    })
    return query === '' ? filled : `${filled}?${query}`
  }

  #known(path: string, name: string): readonly string[] {
    if (name === 'index') return ['0']
    if (path.startsWith('/jobs/')) return this.#jobs
    // The only instance is never drained: the rest of the run would have none.
    if (path.startsWith('/instances/') && !path.endsWith('/drain')) return this.#instances
    return path.startsWith('/workflows/') ? this.#workflows : []
  }
}

function replace(list: string[], values: readonly string[]): void {
  list.splice(0, list.length, ...values)
}

/** Texts that a JSON document has under this key, wherever it is. */
function valuesOf(key: string, json: Buffer): string[] {
  return [...json.toString().matchAll(new RegExp(`"${key}":"([^"]+)"`, 'g'))].flatMap(([, value]) => value ?? [])
}

class Findings {
  readonly #statuses = new Map<number, number>()
  readonly #succeeded = new Map<string, number>()
  readonly #problems = new Map<string, { count: number; example: string }>()
  readonly #expectedFaults: readonly string[]
  readonly #operations: readonly Operation[]

  constructor(expectedFaults: readonly string[], operations: readonly Operation[]) {
    this.#expectedFaults = expectedFaults
    this.#operations = operations
  }

  count({ operation }: RequestPlan, { status }: Answer): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1)
    if (operation === undefined || status >= 400) return
    this.#succeeded.set(operation.operationId, (this.#succeeded.get(operation.operationId) ?? 0) + 1)
  }

  isExpected({ operation, headers, body }: RequestPlan, code: string | undefined): boolean {
    if (code === undefined) return operation?.path === '/ready'
    // The caller gave it too little time.
    if (code === 'deadline_exceeded') return 'cancel-after' in headers || JSON.stringify(body).includes('"deadline"')
    return this.#expectedFaults.includes(code)
  }

  add({ operation, method }: RequestPlan, kind: string, example: string): void {
    this.addOfServer(`${operation?.operationId ?? `${method} (not documented)`}: ${kind}`, example)
  }

  addOfServer(key: string, example: string): void {
    const known = this.#problems.get(key)
    this.#problems.set(key, { count: (known?.count ?? 0) + 1, example: known?.example ?? example })
  }

  report(requests: number): FuzzReport {
    return {
      requests,
      statuses: Object.fromEntries([...this.#statuses].sort(([a], [b]) => a - b)),
      succeeded: Object.fromEntries(this.#succeeded),
      neverSucceeded: this.#operations.map(({ operationId }) => operationId).filter((id) => !this.#succeeded.has(id)),
      problems: [...this.#problems].map(([key, { count, example }]) => `${count} × ${key}\n    ${example}`),
    }
  }
}
