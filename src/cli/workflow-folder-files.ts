import { dirname, relative } from 'node:path'
import type { TypeSources } from '../config/package-info.ts'
import { prefixed, readTypes, type FolderFiles } from './read-types.ts'

export type { FolderFiles } from './read-types.ts'

/** A folder whose name begins with a dot is nothing to the server. */
export const typesFolder = '.comfyui-api/types'

/** What an editor and `tsc` need in a folder of workflow modules: settings, and the types of what modules import. */
export async function editorFiles(sources: TypeSources): Promise<FolderFiles> {
  const types = await readTypes(sources)
  const entry = relative(dirname(sources.entry), sources.entry)
  return new Map([
    ['tsconfig.json', tsconfig(`./${typesFolder}/comfyui-api/${entry}`)],
    [`${typesFolder}/.gitignore`, '*\n'],
    [`${typesFolder}/existing-modules.d.ts`, existingModules],
    ...prefixed(typesFolder, types),
  ])
}

/** A workflow that runs on every ComfyUI: it needs no model. */
export const exampleFiles: FolderFiles = new Map([
  [
    'examples/solid_color.ts',
    `import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'

export default defineWorkflow({
  summary: 'A picture of one colour',
  description: 'Needs no model, so it runs on every ComfyUI.',

  RequestSchema: z.object({
    color: z
      .string()
      .regex(/^#[0-9a-f]{6}$/i)
      .default('#3b82f6')
      .describe('Red, green and blue as hexadecimal digits'),
    width: z.int().min(16).max(2048).default(256).describe('Pixels'),
    height: z.int().min(16).max(2048).default(256).describe('Pixels'),
  }),

  generateWorkflow: (input) => ({
    '1': {
      class_type: 'EmptyImage',
      inputs: {
        width: input.width,
        height: input.height,
        batch_size: 1,
        color: Number.parseInt(input.color.slice(1), 16),
      },
    },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'solid_color' } },
  }),

  outputs: { image: '2' },
})
`,
  ],
])

function tsconfig(entry: string): string {
  const options = {
    target: 'es2024',
    lib: ['es2024', 'dom'],
    module: 'preserve',
    moduleResolution: 'bundler',
    types: [],
    strict: true,
    noEmit: true,
    allowJs: true,
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    skipLibCheck: true,
    paths: {
      'comfyui-api': [entry],
      zod: [`./${typesFolder}/zod/index.d.ts`],
      'zod/*': [`./${typesFolder}/zod/*`],
    },
  }
  return `${JSON.stringify({ compilerOptions: options, include: ['**/*', `${typesFolder}/*.d.ts`] }, null, 2)}\n`
}

const existingModules = `// What modules written for Salad's comfyui-api import as "../config" and "../types".

declare module '*/config' {
  type Schema = any // of Zod 3 or of Zod 4, as the module imports it: no type fits both
  const config: {
    readonly samplers: Schema
    readonly schedulers: Schema
    readonly models: Readonly<Record<string, { readonly all: string[]; readonly enum: Schema }>>
    readonly warmupCkpt: string | undefined
  }
  export default config
}

declare module '*/types' {
  type Untyped = any // these modules were written against types that leave this open
  export interface ComfyNode {
    inputs: Untyped
    class_type: string
    _meta?: Untyped
  }
  export type ComfyPrompt = Record<string, ComfyNode>
  export interface Workflow {
    RequestSchema: object
    generateWorkflow: (input: Untyped) => ComfyPrompt | Promise<ComfyPrompt>
    description?: string
    summary?: string
  }
  export const ComfyNodeSchema: Untyped
  export function isWorkflow(value: unknown): value is Workflow
}
`
