import { writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { build, type BuildOptions, type Plugin } from 'esbuild'
import { repository, shippedModules } from './places.ts'

const runtime = join(import.meta.dirname, 'runtime')

/** What has to be otherwise inside the binary: file of `src/` → what stands for it. */
const standIns: Readonly<Record<string, string>> = {
  'src/workflows/modules/import-module.ts': 'import-module.ts',
  'src/workflows/modules/load-transform.ts': 'load-transform.ts',
  'src/outputs/load-sharp.ts': 'load-sharp.ts',
  'src/cli/read-types.ts': 'read-types.ts',
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
    banner: {
      js: "(function (exports, require, module, __filename, __dirname) { const programUrl = require('node:url').pathToFileURL(__filename).href;",
    },
    footer: { js: '})' },
    alias: { 'comfyui-api': './src/index.ts' },
    plugins: [replaceFiles, bindSharp, readJsonLate, includeWorkflows, loadPackagesLate],
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

/** A large table in the code would be read twice: as code, and then as JSON. `tables/` lies beside the program. */
const readJsonLate: Plugin = {
  name: 'read-json-late',
  setup(bundler) {
    bundler.onLoad({ filter: /\/src\/.*\.json$/ }, async ({ path }) => {
      const name = `tables/${basename(path)}`
      const read = `require('node:fs').readFileSync(require('node:path').join(__dirname, ${JSON.stringify(name)}), 'utf8')`
      return { contents: `export default JSON.parse(${read})`, loader: 'js' }
    })
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

/** Packages that a server needs late or never: what is taken of them loads its package when it is used. */
const latePackages = [
  'file-type',
  'glob',
  'jpeg-js',
  'node:http2',
  'pino-pretty',
  'pngjs',
  'yaml',
  'zod-to-json-schema',
]

const loadPackagesLate: Plugin = {
  name: 'load-packages-late',
  setup(bundler) {
    const filter = new RegExp(`^(${[...latePackages, 'undici'].join('|')})$`)
    bundler.onResolve({ filter }, ({ path, namespace }) =>
      namespace === 'late' ? undefined : { path, namespace: 'late' },
    )
    bundler.onResolve({ filter: /^\.\/client-h2\.js$/ }, () => ({ path: http2Client, namespace: 'late' }))
    bundler.onLoad({ filter: /./, namespace: 'late' }, async ({ path }) => ({
      contents: lateSources[path] ?? (await lateExports(path)),
      loader: 'js',
      resolveDir: repository,
    }))
  },
}

async function lateExports(name: string): Promise<string> {
  const names = Object.keys((await import(name)) as object).filter((each) => each !== 'default' && /^\w+$/.test(each))
  const getters = names.map((each) => `get ${each}() { return require(${JSON.stringify(name)}).${each} }`)
  return `module.exports = {${getters.join(',')}}`
}

const http2Client = 'undici/lib/dispatcher/client-h2.js'
const lateSources: Readonly<Record<string, string>> = {
  [http2Client]: `module.exports = (...given) => require('${http2Client}')(...given)`,
  // It is taken out of the package at once.
  glob: `exports.glob = (...given) => require('glob').glob(...given)`,
  // Its entry loads all of it: fetch, caches, mocks.
  undici: `
Object.assign(require('undici/lib/dispatcher/dispatcher.js').prototype, require('undici/lib/api'))
const Agent = require('undici/lib/dispatcher/agent.js')
const Client = require('undici/lib/dispatcher/client.js')
const Pool = require('undici/lib/dispatcher/pool.js')
const request = (address, { dispatcher = new Agent(), ...options } = {}) => {
  const { origin, pathname, search } = new URL(address)
  return dispatcher.request({ method: 'GET', ...options, origin, path: pathname + search })
}
module.exports = { Agent, Client, Pool, request }
`,
}
