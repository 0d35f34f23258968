import { spawn } from 'node:child_process'
import { createServer } from 'node:net'

const pollMs = 5
const giveUpMs = 20_000

/** From the start of the process to the first 200 of a workflow's description, in milliseconds, sorted. */
export async function measureStart(main: string, dataDir: string, runs: number): Promise<number[]> {
  const timesMs: number[] = []
  for (let run = 0; run < runs; run++) timesMs.push(await measureOnce(main, `${dataDir}-${String(run)}`))
  return timesMs.toSorted((left, right) => left - right)
}

async function measureOnce(main: string, dataDir: string): Promise<number> {
  const port = await freePort()
  const beganAt = performance.now()
  const child = spawn(process.execPath, [main, 'serve', '--demo', '--port', String(port), '--data-dir', dataDir], {
    stdio: 'ignore',
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  try {
    while (performance.now() - beganAt < giveUpMs) {
      if (await answers(`http://127.0.0.1:${String(port)}/qwen/qwen_base_txt2img`)) return performance.now() - beganAt
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
    throw new Error('The server did not start in time')
  } finally {
    child.kill('SIGTERM')
    await ended
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url)
    await response.arrayBuffer()
    return response.status === 200
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
