import { createRequire, isBuiltin } from 'node:module'
import { basename } from 'node:path'
import type { Plugin } from 'esbuild'
import { repository } from './places.ts'

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

export const loadModulesLate: Plugin = {
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
