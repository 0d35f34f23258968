import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

/*
 * Where the files are that come with this program. They lie alike in a checkout, in an installed package and inside the
 * single binary: below the folder of the package.json, and those of other packages in the node_modules there or above.
 */

const packageJsonSchema = z.looseObject({ version: z.string() })

/** Version of this program, from its package.json. */
export function readPackageVersion(): string {
  const text = readFileSync(join(programFolder(), 'package.json'), 'utf8')
  return packageJsonSchema.parse(JSON.parse(text)).version
}

/** Absolute path of the folder with the workflows that come with this program. */
export function shippedWorkflowsFolder(): string {
  return join(programFolder(), 'workflows')
}

/** What a language model is told about a workflow, with places for the workflow and for the form of the answer. */
export function readModelInstructions(): string {
  return readFileSync(join(programFolder(), 'prompts', 'describe-workflow.md'), 'utf8')
}

/** Absolute path of the folder with the files of the page at `/docs`. */
export function docsPageFolder(): string {
  return join(packageFolder('@fastify/swagger-ui'), 'static')
}

/** Where the types of what workflow modules import lie. */
export interface TypeSources {
  /** The module that is imported as `comfyui-api`: its source, or the declarations of what was built. */
  readonly entry: string
  /** The installed package. */
  readonly zodFolder: string
}

export function typeSources(): TypeSources {
  const source = join(programFolder(), 'src', 'index.ts')
  return {
    entry: existsSync(source) ? source : join(programFolder(), 'dist', 'index.d.ts'),
    zodFolder: packageFolder('zod'),
  }
}

function programFolder(): string {
  return findAbove(dirname(fileURLToPath(import.meta.url)), 'package.json')
}

function packageFolder(name: string): string {
  return join(findAbove(programFolder(), join('node_modules', name, 'package.json')), 'node_modules', name)
}

/** The nearest folder, from this one upwards, in which there is such a file. */
function findAbove(start: string, file: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, file))) return folder
    if (dirname(folder) === folder) throw new Error(`${file} is missing: comfyui-api is not installed completely`)
  }
}
