/*
 * Replays recordings of real ComfyUI servers against the simulator, one fresh simulator for each recorded version, and
 * fails when the judge that comes with the recordings finds any difference.
 *
 *   node scripts/test-conformance.ts [TRANSCRIPTS_FOLDER [SCENARIO...]]
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createSimulator } from '../src/simulator/simulator.ts'
import type { SimulatedVersion } from '../src/simulator/version-profile.ts'

const versions: readonly SimulatedVersion[] = ['0.33.0', '0.3.64']
/** What the recorded servers had: one checkpoint, and previews switched on. */
const recordedModels = { checkpoints: ['v1-5-pruned-emaonly-fp16.safetensors'] }

const repository = dirname(dirname(fileURLToPath(import.meta.url)))
const [folder = join(repository, '../shared/corpus/transcripts'), ...scenarios] = process.argv.slice(2)
const transcripts = resolve(folder)
const judge = join(dirname(transcripts), 'compare-transcripts.mjs')

if (existsSync(transcripts) && existsSync(judge)) {
  process.exitCode = (await Promise.all(versions.map(compare))).every((isEqual) => isEqual) ? 0 : 1
} else {
  console.log(`There are no recordings in ${transcripts}: nothing was compared. Name their folder as argument.`)
}

async function compare(version: SimulatedVersion): Promise<boolean> {
  const simulator = await createSimulator({
    version,
    testNodes: true,
    models: recordedModels,
    stepDelayMs: 5,
    previewMethod: 'auto',
  })
  try {
    const { code, output } = await run([judge, simulator.url, join(transcripts, version), ...scenarios])
    console.log(`ComfyUI ${version}\n${output}`)
    return code === 0
  } finally {
    await simulator.close()
  }
}

function run(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.once('error', fail)
    child.once('close', (code) => done({ code, output: Buffer.concat(chunks).toString() }))
  })
}
