import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Has the judge of the corpus run `comfyui-api convert` on every file of the editor, and compare what it prints with the
 * prompts of the real one. Prints what is wrong or refused needlessly, and last the figures.
 * @returns whether the judge is content
 */
export async function compareConversions(folder: string, { objectInfo }: { objectInfo: string }): Promise<boolean> {
  const judge = join(folder, 'compare-conversion.mjs')
  if (!existsSync(judge)) {
    console.log(`There is no compare-conversion.mjs in ${folder}: nothing was compared.`)
    return true
  }
  const launcher = join(import.meta.dirname, '../../bin/comfyui-api.js')
  const args = [judge, folder, objectInfo, '--', process.execPath, launcher]
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  spawn(process.execPath, args, { stdio: 'inherit' })
    .on('error', reject)
    .on('exit', (code) => resolve(code === 0))
  return promise
}
