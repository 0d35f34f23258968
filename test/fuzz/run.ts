import { randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startGatewayProcess } from '../chaos/gateway-process.ts'
import { fuzzGateway } from './fuzz-gateway.ts'

/*
 * Holds the server against its own OpenAPI document with many requests, most of them wrong in some way. Ends with 1 when
 * an answer is not as documented, is a fault of the server, or when the server does not live on.
 *
 *     npm run test:fuzz [-- --requests 20000 --seed N]
 */
const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(randomInt(1e9)) },
  },
})
const reportEvery = 1000
/** The demo lacks the custom nodes that some workflows need. */
const expectedFaults = ['workflow_unavailable']

const dataDir = await mkdtemp(path.join(tmpdir(), 'fuzz-'))
const gateway = startGatewayProcess(['--demo', '--data-dir', dataDir, '--max-queued', '100000'], {
  COMFYUI_API_DEMO_STEP_MS: '0',
  // Jobs of a low priority wait until the run is over.
  COMFYUI_API_SYNC_HOLD_SECONDS: '20',
})
try {
  console.log(`seed ${values.seed}`)
  const beganAtMs = Date.now()
  const report = await fuzzGateway({
    url: await gateway.ready,
    requests: Number(values.requests),
    seed: Number(values.seed),
    expectedFaults,
    onProgress: (done) => {
      if (done % reportEvery === 0) console.log(`${done} requests`)
    },
  })
  console.log(`${report.requests} requests in ${Math.round((Date.now() - beganAtMs) / 1000)} s`)
  console.log(
    `answers: ${Object.entries(report.statuses)
      .map(([status, count]) => `${count} × ${status}`)
      .join(', ')}`,
  )
  if (report.neverSucceeded.length > 0) console.log(`without success: ${report.neverSucceeded.join(', ')}`)
  for (const problem of report.problems) console.log(`WRONG ${problem}`)
  if (report.problems.length > 0) process.exitCode = 1
  await gateway.stop()
} finally {
  await gateway.kill()
  await rm(dataDir, { recursive: true, force: true })
}
