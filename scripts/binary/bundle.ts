import { readFile, writeFile } from 'node:fs/promises'
import { createRequire, isBuiltin } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { build, transform, type BuildOptions, type Plugin } from 'esbuild'
import { escapeCharacters } from './escape-characters.ts'
import { repository, shippedModules } from './places.ts'

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

/** Modules of others ask of what class a schema or an error of Zod 3 is, and the log says it of errors. */
const askedForTheirNames = /\/node_modules\/(zod\/v3\/|undici\/lib\/core\/errors\.js$)/

/** Names in packages take a fifth of the code. Those of the program are left, for who reads where an error came from. */
const shortenPackages: Plugin = {
  name: 'shorten-packages',
  setup(bundler) {
    bundler.onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, async ({ path }) => {
      const keepNames = askedForTheirNames.test(path)
      const source = await readFile(path, 'utf8')
      const { code } = await transform(source, { minifyIdentifiers: true, keepNames, target: 'node24' })
      return { contents: code, loader: 'js', resolveDir: dirname(path) }
    })
  },
}

/** Fastify needs them where an application has no checks of its own, or is tested. */
const unusedPackages = /^(@fastify\/(ajv|fast-json-stringify)-compiler|light-my-request)$/

const leaveOutPackages: Plugin = {
  name: 'leave-out-packages',
  setup(bundler) {
    bundler.onResolve({ filter: unusedPackages }, ({ path }) => ({ path, namespace: 'left-out' }))
    bundler.onLoad({ filter: /./, namespace: 'left-out' }, ({ path }) => ({
      contents: `throw new Error('${path} is left out of the binary')`,
    }))
  },
}

/** Modules that a server needs late or never: what is taken of them loads its module when it is used. */
const lateModules = [
  'file-type',
  'glob',
  'http-errors',
  'jpeg-js',
  'json-schema-resolver',
  'node:assert',
  'node:http2',
  'node:https',
  'node:tls',
  'node:worker_threads',
  'node:zlib',
  'pino-pretty',
  'pngjs',
  'thread-stream',
  'undici',
  'yaml',
  'zod-to-json-schema',
  'zod/v3',
]

const loadModulesLate: Plugin = {
  name: 'load-modules-late',
  setup(bundler) {
    const names = lateModules.map((name) => name.replace('node:', '(node:)?'))
    bundler.onResolve({ filter: new RegExp(`^(${names.join('|')})$`) }, ({ path, namespace }) =>
      namespace === 'late' ? undefined : { path: isBuiltin(path) ? withPrefix(path) : path, namespace: 'late' },
    )
    bundler.onResolve({ filter: /\/(client-h2\.js|pushgateway)$/ }, ({ path, namespace }) =>
      namespace === 'late' ? undefined : { path: lateParts[basename(path)] ?? path, namespace: 'late' },
    )
    bundler.onLoad({ filter: /./, namespace: 'late' }, ({ path }) => ({
      contents: lateSources[path] ?? lateExports(path),
      loader: 'js',
      resolveDir: repository,
    }))
  },
}

function withPrefix(builtin: string): string {
  return `node:${builtin.replace(/^node:/, '')}`
}

/**
 * A module may be a function that has members.
 * @param call what stands for a call of it with `given`
 * @param known code for members whose values are known, which need nothing
 */
function lateExports(
  name: string,
  call = 'new.target ? new (load())(...given) : load()(...given)',
  known: Readonly<Record<string, string>> = {},
): string {
  const exported = createRequire(import.meta.url)(name) as object
  const members = Object.keys(exported).map((member) => {
    const key = JSON.stringify(member)
    return `${key}: { enumerable: true, get: () => ${known[member] ?? `load()[${key}]`} }`
  })
  const target = typeof exported === 'function' ? `function (...given) { return ${call} }` : '{}'
  return `
let loaded
const load = () => (loaded ??= require(${JSON.stringify(name)}))
module.exports = Object.defineProperties(${target}, {${members.join(',')}})
`
}

/** Parts of packages that the others need. */
const lateParts: Readonly<Record<string, string>> = {
  'client-h2.js': 'undici/lib/dispatcher/client-h2.js',
  pushgateway: 'prom-client/lib/pushgateway.js',
}

const lateSources: Readonly<Record<string, string>> = {
  // It is taken out of the package at once.
  glob: `exports.glob = (...given) => require('glob').glob(...given)`,
  // What holds, which is all that ever happens, needs nothing.
  'node:assert': lateExports('node:assert', 'given[0] || load()(...given)'),
  // This is taken at once. The program runs in the main thread.
  'node:worker_threads': lateExports('node:worker_threads', undefined, { isMainThread: 'true' }),
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
