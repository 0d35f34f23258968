import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { writeWorkflows } from './generated-workflows.ts'

export interface CheckFigures {
  readonly seconds: number
  readonly workflows: number
  readonly graphs: number
  readonly errors: number
}

const documentSchema = z.object({
  summary: z.object({ workflows: z.number(), graphs: z.number(), errors: z.number() }),
})

/** Has the real command check modules that were written just before, from the start of the process to its end. */
export async function measureCheck(program: string, folder: string, count: number): Promise<CheckFigures> {
  await writeWorkflows(path.join(folder, String(count)), count)
  const startMs = performance.now()
  const child = spawn(process.execPath, [program, 'check', path.join(folder, String(count)), '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')])
  const seconds = (performance.now() - startMs) / 1000
  return { seconds, ...documentSchema.parse(JSON.parse(printed)).summary }
}
