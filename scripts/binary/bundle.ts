import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build, type BuildOptions, type Plugin } from 'esbuild'
import { repository, shippedModules } from './places.ts'

const runtime = join(import.meta.dirname, 'runtime')

/** What has to be otherwise inside the binary: file of `src/` → what stands for it. */
const standIns: Readonly<Record<string, string>> = {
  'src/workflows/modules/import-module.ts': 'import-module.ts',
  'src/workflows/modules/load-transform.ts': 'load-transform.ts',
  'src/outputs/load-sharp.ts': 'load-sharp.ts',
}

const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  // Read as Latin-1, which takes half of the memory.
  charset: 'ascii',
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'error',
  absWorkingDir: repository,
} satisfies BuildOptions

/** Writes `program.bundle`, a function expression, and the file that runs it. */
export async function bundleProgram(folder: string): Promise<void> {
  const { outputFiles } = await build({
    ...common,
    entryPoints: ['src/main.ts'],
    outfile: join(folder, 'program.js'),
    write: false,
    minifyWhitespace: true,
    define: { 'import.meta.url': 'programUrl' },
    banner: {
      js: "(function (exports, require, module, __filename, __dirname) { const programUrl = require('node:url').pathToFileURL(__filename).href;",
    },
    footer: { js: '})' },
    alias: { 'comfyui-api': './src/index.ts' },
    plugins: [replaceFiles, bindSharp, keepJsonAsText, includeWorkflows],
  })
  const [bundle] = outputFiles
  if (bundle === undefined) throw new Error('There is no bundle')
  await writeFile(join(folder, 'program.bundle'), escapeCharacters(bundle.text))
  for (const name of ['boot', 'boot-and-record']) {
    await build({ ...common, entryPoints: [join(runtime, `${name}.ts`)], outfile: join(folder, `${name}.cjs`) })
  }
}

/** The bundler leaves characters in regular expressions as they are. */
function escapeCharacters(code: string): string {
  return code.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const replaceFiles: Plugin = {
  name: 'replace-files',
  setup({ onLoad }) {
    for (const [original, standIn] of Object.entries(standIns)) {
      const path = join(repository, original)
      const filter = new RegExp(`^${path.replaceAll(/[.*+?^$()[\]{}|\\]/g, String.raw`\$&`)}$`)
      onLoad({ filter }, () => {
        const contents = readFileSync(join(runtime, standIn), 'utf8')
        return { contents, loader: 'ts', resolveDir: runtime }
      })
    }
  },
}

/** Sharp looks for its native code among the installed packages. */
const bindSharp: Plugin = {
  name: 'bind-sharp',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^sharp$/ }, () => ({ path: join(repository, 'node_modules/sharp/dist/index.cjs') }))
    onLoad({ filter: /\/sharp\/dist\/sharp\.cjs$/ }, () => ({
      contents: `module.exports = require('./native-code.ts').loadNativeCode('sharp')`,
      loader: 'js',
      resolveDir: runtime,
    }))
  },
}

/** V8 reads a large table much faster as JSON than as code. */
const keepJsonAsText: Plugin = {
  name: 'keep-json-as-text',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/.*\.json$/ }, ({ path }) => {
      const text = JSON.stringify(JSON.parse(readFileSync(path, 'utf8')))
      return { contents: `export default JSON.parse(${JSON.stringify(text)})`, loader: 'js' }
    })
  },
}

const includeWorkflows: Plugin = {
  name: 'include-workflows',
  setup({ onLoad }) {
    onLoad({ filter: /\/runtime\/shipped-workflows\.ts$/ }, async () => {
      const modules = (await shippedModules()).map((name) => {
        const path = JSON.stringify(join(repository, 'workflows', name))
        return `${JSON.stringify(name)}: () => require(${path})`
      })
      return { contents: `export const shippedWorkflows = {${modules.join(',')}}`, loader: 'js' }
    })
  },
}
