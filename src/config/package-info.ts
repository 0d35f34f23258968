import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const packageJsonSchema = z.looseObject({ version: z.string() })

/** Version of this program, from its package.json. */
export function readPackageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return packageJsonSchema.parse(JSON.parse(text)).version
}

/** Absolute path of the folder with the workflows that come with this program. */
export function shippedWorkflowsFolder(): string {
  return fileURLToPath(new URL('../../workflows', import.meta.url))
}
