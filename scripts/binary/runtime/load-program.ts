import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { Script } from 'node:vm'

/** Where the program finds `import()`: one in its own code would not reach files outside of the binary. */
export const importKey = Symbol.for('comfyui-api.import')

/** V8 takes compiled code only where this is as it was when the code was compiled. Its default is 2. */
export const growFast = '--semi-space-growth-factor=4'

/** Where it lies is different here and there, and nobody's business in what is told of an error. */
const name = 'comfyui-api.js'

type ProgramFunction = (
  exports: object,
  require: NodeJS.Require,
  module: { exports: object },
  filename: string,
  folder: string,
) => void

/** Runs the bundle of a folder. Code that was compiled before is taken from the file beside it where that fits. */
export function loadProgram(folder: string): Script {
  // Nearly all that a start makes stays. Where young memory grows in small steps, it is collected again and again for nothing.
  setFlagsFromString(growFast)
  const filename = join(folder, name)
  const script = new Script(readFileSync(join(folder, 'program.bundle'), 'latin1'), {
    filename: name,
    cachedData: readCompiled(join(folder, 'program.compiled')),
  })
  Reflect.set(globalThis, importKey, (url: string): Promise<unknown> => import(url))
  const run = script.runInThisContext() as ProgramFunction
  const module = { exports: {} }
  run.call(module.exports, module.exports, createRequire(filename), module, filename, folder)
  setFlagsFromString('--semi-space-growth-factor=2')
  return script
}

function readCompiled(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}
