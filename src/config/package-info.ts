import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
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

/** What a language model is told about a workflow, with places for the workflow and for the form of the answer. */
export function readModelInstructions(): string {
  return readFileSync(new URL('../../prompts/describe-workflow.md', import.meta.url), 'utf8')
}

/** Where the types of what workflow modules import lie. */
export interface TypeSources {
  /** The module that is imported as `comfyui-api`: its source, or the declarations of what was built. */
  readonly entry: string
  /** The installed package. */
  readonly zodFolder: string
}

export function typeSources(): TypeSources {
  const here = fileURLToPath(import.meta.url)
  const entry = new URL(here.endsWith('.ts') ? '../index.ts' : '../index.d.ts', import.meta.url)
  return {
    entry: fileURLToPath(entry),
    zodFolder: dirname(createRequire(import.meta.url).resolve('zod/package.json')),
  }
}
