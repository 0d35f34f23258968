import { writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { build, type BuildOptions, type Plugin } from 'esbuild'
import { escapeCharacters } from './escape-characters.ts'
import { loadModulesLate } from './load-modules-late.ts'
import { repository, shippedModules } from './places.ts'
import { leaveOutPackages, shortenPackages } from './shrink-packages.ts'

const runtime = join(import.meta.dirname, 'runtime')

/** What has to be otherwise inside the binary: file of `src/` → what stands for it. */
const standIns: Readonly<Record<string, string>> = {
  'src/workflows/modules/import-module.ts': 'import-module.ts',
  'src/workflows/modules/load-transform.ts': 'load-transform.ts',
  'src/workflows/modules/load-zod3.ts': 'load-zod3.ts',
  'src/outputs/load-sharp.ts': 'load-sharp.ts',
  'src/comfyui/wire/core-node-table.ts': 'core-node-table.ts',
  'src/cli/read-types.ts': 'read-types.ts',
  'src/workflows/example-warnings.ts': 'example-warnings.ts',
  'src/workflows/parameters/describe-input.ts': 'describe-input.ts',
  'src/workflows/graph/find-media-fields.ts': 'find-media-fields.ts',
  'src/workflows/graph/find-list-fields.ts': 'find-list-fields.ts',
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
    // Code that is run as this is cannot import, not even what comes with Node.js.
    supported: { 'dynamic-import': false },
    banner: {
      js: "(function (exports, require, module, __filename, __dirname) { const programUrl = require('node:url').pathToFileURL(__filename).href;",
    },
    footer: { js: '})' },
    alias: { 'comfyui-api': './src/index.ts' },
    plugins: [replaceFiles, bindSharp, includeWorkflows, leaveOutPackages, loadModulesLate, shortenPackages],
  })
  const [bundle] = outputFiles
  if (bundle === undefined) throw new Error('There is no bundle')
  // The bundler leaves characters in regular expressions as they are.
  await writeFile(join(folder, 'program.bundle'), escapeCharacters(bundle.text))
  for (const name of ['boot', 'boot-and-record']) {
    await build({ ...common, entryPoints: [join(runtime, `${name}.ts`)], outfile: join(folder, `${name}.cjs`) })
  }
}

/** A stand-in may import what it stands for. */
const replaceFiles: Plugin = {
  name: 'replace-files',
  setup(bundler) {
    const names = Object.keys(standIns).map((original) => basename(original))
    const filter = new RegExp(`/(${names.join('|')})$`)
    bundler.onResolve({ filter }, ({ path, importer, resolveDir }) => {
      const standIn = standIns[relative(repository, resolve(resolveDir, path))]
      const isFromStandIn = dirname(importer) === runtime
      return standIn === undefined || isFromStandIn ? undefined : { path: join(runtime, standIn) }
    })
  },
}

/** Sharp looks for its native code among the installed packages. */
const bindSharp: Plugin = {
  name: 'bind-sharp',
  setup(bundler) {
    bundler.onResolve({ filter: /^sharp$/ }, () => ({ path: join(repository, 'node_modules/sharp/dist/index.cjs') }))
    bundler.onLoad({ filter: /\/sharp\/dist\/sharp\.cjs$/ }, () => ({
      contents: `module.exports = require('./native-code.ts').loadNativeCode('sharp')`,
      loader: 'js',
      resolveDir: runtime,
    }))
  },
}

const includeWorkflows: Plugin = {
  name: 'include-workflows',
  setup(bundler) {
    bundler.onLoad({ filter: /\/runtime\/shipped-workflows\.ts$/ }, async () => {
      const modules = (await shippedModules()).map((name) => {
        const path = JSON.stringify(join(repository, 'workflows', name))
        return `${JSON.stringify(name)}: () => require(${path})`
      })
      return { contents: `export const shippedWorkflows = {${modules.join(',')}}`, loader: 'js' }
    })
  },
}
