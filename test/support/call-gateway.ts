import { z } from 'zod'
import { type JobResource, jobSchema } from '../../src/http/schemas/job.ts'
import { type ProblemResource, problemSchema } from '../../src/http/schemas/problem.ts'
import { type ResultResource, resultSchema } from '../../src/http/schemas/result.ts'
import { parsePythonJson } from '../../src/lib/parse-python-json.ts'

/** Calls a gateway as a client would, and checks the shape of what it answers. */
export function createClient(url: () => string) {
  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url() + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })

  return {
    post,
    /** Runs a workflow and takes its result; anything but 200 is an error of the test. */
    async run(path: string, body: unknown, headers: Record<string, string> = {}): Promise<ResultResource> {
      const response = await post(path, body, headers)
      const text = await response.text()
      if (response.status !== 200) throw new Error(`${path} answered ${String(response.status)}: ${text}`)
      return resultSchema.parse(JSON.parse(text))
    },
    /** Has a workflow run without waiting for it; a repeated call may find its job done. */
    async submit(path: string, body: unknown, headers: Record<string, string> = {}): Promise<JobResource> {
      const response = await post(path, body, { prefer: 'respond-async', ...headers })
      const text = await response.text()
      if (response.status !== 202 && response.status !== 200)
        throw new Error(`${path} answered ${String(response.status)}: ${text}`)
      return jobSchema.parse(JSON.parse(text))
    },
    async job(id: string): Promise<JobResource> {
      return jobSchema.parse(await (await fetch(`${url()}/jobs/${id}`)).json())
    },
    async cancel(id: string): Promise<JobResource> {
      const response = await fetch(`${url()}/jobs/${id}/cancel`, { method: 'POST' })
      return jobSchema.parse(await response.json())
    },
    async bytes(path: string): Promise<Buffer> {
      const response = await fetch(url() + path)
      if (response.status !== 200) throw new Error(`${path} answered ${String(response.status)}`)
      return Buffer.from(await response.arrayBuffer())
    },
  }
}

export async function readProblem(response: Response): Promise<ProblemResource> {
  return problemSchema.parse(await response.json())
}

/** How many prompts a ComfyUI has in its history. */
export async function countEndedPrompts(comfyuiUrl: string): Promise<number> {
  const response = await fetch(`${comfyuiUrl}/history?max_items=100000`)
  return Object.keys(z.record(z.string(), z.unknown()).parse(parsePythonJson(await response.text()))).length
}
