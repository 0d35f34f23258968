/**
 * Makes the program one file that needs no Node.js: `npm run build-binary [-- --arch x64|arm64]`. See docs/binary.md.
 */
import { mkdir, rm, stat } from 'node:fs/promises'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { bundleProgram } from './bundle.ts'
import { installPackages } from './install-packages.ts'
import { packProgram } from './pack-program.ts'
import { architectures, placesFor, repository } from './places.ts'
import { stageFiles } from './stage-files.ts'
import { warmUp } from './warm-up.ts'

const { values } = parseArgs({ options: { arch: { type: 'string', default: process.arch } } })
const arch = architectures.find((each) => each === values.arch)
if (arch === undefined) throw new Error(`--arch is one of ${architectures.join(', ')}`)

const places = placesFor(arch)
await rm(places.stage, { recursive: true, force: true })
await mkdir(places.stage, { recursive: true })
const steps: readonly (readonly [name: string, run: () => Promise<void>])[] = [
  ['packages', () => installPackages(places)],
  ['bundle', () => bundleProgram(places.stage)],
  ['files', () => stageFiles(places)],
  ['warm up', () => warmUp(places)],
  ['pack', () => packProgram(places)],
]
for (const [name, run] of steps) {
  const beganAt = performance.now()
  await run()
  console.log(`${name}: ${((performance.now() - beganAt) / 1000).toFixed(1)} s`)
}
const { size } = await stat(places.binary)
console.log(`${relative(repository, places.binary)}: ${(size / 1e6).toFixed(1)} MB`)
