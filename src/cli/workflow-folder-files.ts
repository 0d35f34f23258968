import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import type { TypeSources } from '../config/package-info.ts'

/** Path relative to the folder, with `/` → content. */
export type FolderFiles = ReadonlyMap<string, string>

/** A folder whose name begins with a dot is nothing to the server. */
export const typesFolder = '.comfyui-api/types'

/** What an editor and `tsc` need in a folder of workflow modules: settings, and the types of what modules import. */
export async function editorFiles(sources: TypeSources): Promise<FolderFiles> {
  const types = new Map([
    ...prefixed('comfyui-api', await readModuleGraph(sources.entry)),
    ...prefixed('zod', await readDeclarations(sources.zodFolder)),
  ])
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

/** A module and everything it imports by a relative path. */
async function readModuleGraph(entry: string): Promise<FolderFiles> {
  const root = dirname(entry)
  const files = new Map<string, string>()
  const pending = [entry]
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    const name = toPosix(relative(root, file))
    if (files.has(name)) continue
    const source = await readFile(file, 'utf8')
    files.set(name, source)
    const extension = file.endsWith('.d.ts') ? '.d.ts' : '.ts'
    for (const [, specifier] of source.matchAll(/from '(\.[^']+)'/g)) {
      if (specifier !== undefined) pending.push(join(dirname(file), specifier.replace(/\.ts$/, extension)))
    }
  }
  return files
}

async function readDeclarations(folder: string): Promise<FolderFiles> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => isDeclaration(toPosix(name)))
  const files = names.map(async (name) => [toPosix(name), await readFile(join(folder, name), 'utf8')] as const)
  return new Map(await Promise.all(files))
}

function isDeclaration(name: string): boolean {
  return name.endsWith('.d.ts') && !/^(?:src|node_modules)\//.test(name)
}

function prefixed(prefix: string, files: FolderFiles): FolderFiles {
  return new Map([...files].map(([name, content]) => [`${prefix}/${name}`, content]))
}

function toPosix(path: string): string {
  return path.split(sep).join('/')
}
