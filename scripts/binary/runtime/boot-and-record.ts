import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { growFast, loadProgram } from './load-program.ts'
import { takenDownKey } from './readings.ts'

/*
 * Runs the program while the binary is made, until it is told over its channel to write down what was compiled by then,
 * also functions that are compiled when they are first called, and what was found out about the shipped workflows.
 */

const readings = {}
Reflect.set(globalThis, takenDownKey, readings)
const script = loadProgram(__dirname)

process.once('message', () => {
  // V8 refuses code that was compiled with other flags. The program sets this one when it runs; here is its default.
  setFlagsFromString('--heap-growing-percent=0')
  setFlagsFromString(growFast)
  writeFileSync(join(__dirname, 'program.compiled'), script.createCachedData())
  writeFileSync(join(__dirname, 'program.readings'), JSON.stringify(readings))
  process.exit()
})
