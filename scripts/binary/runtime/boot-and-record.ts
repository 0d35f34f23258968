import { writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { loadProgram } from './load-program.ts'

/*
 * Runs the program while the binary is made, until it is told over its channel to write down what was compiled by then:
 * also functions that are compiled when they are first called.
 */

const script = loadProgram(__dirname)

process.once('message', (file: unknown) => {
  // V8 refuses code that was compiled with other flags. The program sets this one when it runs; here is its default.
  setFlagsFromString('--heap-growing-percent=0')
  writeFileSync(String(file), script.createCachedData())
  process.exit()
})
