import type { JobResource } from '../../src/http/schemas/job.ts'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { createClient } from '../support/call-gateway.ts'
import { readEvents } from '../support/read-events.ts'
import { numberOf, pictureOf } from './picture.ts'

/** One job, by the colour that its picture must have. */
export interface Order {
  readonly number: number
  readonly seconds: number
  /** Sends a picture and wants it back. */
  readonly isUpload?: boolean
  /** False: at most once. */
  readonly retry?: boolean
}

/** What a caller got in the end. */
export interface Answer {
  readonly order: Order
  readonly job: JobResource
  /** What is wrong with it, whatever the state of the job. */
  readonly problems: readonly string[]
}

export interface AsyncJob {
  readonly id: string
  /** Resolves when the stream of its events ended. */
  readonly answer: Promise<Answer>
}

/** The three ways to wait for a job. Every one of them compares what it was told with `GET /jobs/{id}`. */
export interface Callers {
  /** Comes back for the job, and follows its events. */
  submit(order: Order): Promise<AsyncJob>
  /** Holds the connection until there is a result. */
  wait(order: Order): Promise<Answer>
  /** Has the events sent as the answer. */
  stream(order: Order): Promise<Answer>
}

export function createCallers(url: string): Callers {
  const client = createClient(() => url)

  const call = (order: Order, headers: Record<string, string>): Promise<Response> => {
    const { number, seconds, isUpload = false, retry = true } = order
    const input = { number, seconds, ...(isUpload && { picture: pictureOf(number).toString('base64') }) }
    return client.post(isUpload ? '/chaos/copy' : '/chaos/paint', { input, retry }, headers)
  }

  async function answerOf(order: Order, id: string, problems: readonly string[]): Promise<Answer> {
    const job = await client.job(id)
    return { order, job, problems: [...problems, ...(await wrongWith(url, job, order.number))] }
  }

  async function follow(order: Order, id: string, response: Response): Promise<Answer> {
    const last = (await readEvents(response)).at(-1)
    return answerOf(order, id, last?.type === 'end' ? [] : [`its events ended with ${last?.type ?? 'nothing'}`])
  }

  return {
    async submit(order) {
      const response = await call(order, { prefer: 'respond-async' })
      const id = await idOf(response)
      return { id, answer: fetch(`${url}/jobs/${id}/events`).then((events) => follow(order, id, events)) }
    },
    async wait(order) {
      const response = await call(order, {})
      const body: unknown = JSON.parse(await response.text())
      if (response.status !== 200) {
        const { code, job_id, detail } = problemSchema.parse(body)
        if (job_id === undefined) throw new Error(`a call was refused with ${code}: ${detail}`)
        const answer = await answerOf(order, job_id, [])
        const told = answer.job.error?.code ?? (answer.job.status === 'canceled' ? 'job_canceled' : undefined)
        return told === code ? answer : { ...answer, problems: [`its caller was told ${code}`] }
      }
      const { id, images } = resultSchema.parse(body)
      const answer = await answerOf(order, id, [])
      const isRight = images.length === 1 && numberOf(Buffer.from(images[0] ?? '', 'base64')) === order.number
      return isRight ? answer : { ...answer, problems: [...answer.problems, 'its caller got another picture'] }
    },
    async stream(order) {
      const response = await call(order, { accept: 'text/event-stream' })
      return follow(order, await idOf(response), response)
    },
  }
}

async function idOf(response: Response): Promise<string> {
  const id = response.headers.get('job-id')
  if (!response.ok || id === null) throw new Error(`answered ${response.status}: ${await response.text()}`)
  return id
}

/** What a terminal job lacks: a job that succeeded has one picture, of its own colour. */
export async function wrongWith(url: string, job: JobResource, number: number): Promise<string[]> {
  switch (job.status) {
    case 'queued':
    case 'running':
    case 'canceling':
      return [`it is ${job.status}, though its end was told`]
    case 'failed':
    case 'expired':
      return job.error === null ? [`it is ${job.status} without a reason`] : []
    case 'canceled':
      return []
    case 'succeeded':
      break
  }
  if (job.outputs.length !== 1) return [`it has ${job.outputs.length} outputs`]
  try {
    const found = numberOf(await createClient(() => url).bytes(`/jobs/${job.id}/outputs/0`))
    return found === number ? [] : [`its picture is that of ${found}`]
  } catch (error) {
    return [`its picture cannot be had: ${error instanceof Error ? error.message : String(error)}`]
  }
}
