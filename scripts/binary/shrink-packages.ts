import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { transform, type Plugin } from 'esbuild'

/** Modules of others ask of what class a schema or an error of Zod 3 is, and the log says it of errors. */
const askedForTheirNames = /\/node_modules\/(zod\/v3\/|undici\/lib\/core\/errors\.js$)/

/** Names in packages take a fifth of the code. Those of the program are left, for who reads where an error came from. */
export const shortenPackages: Plugin = {
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

export const leaveOutPackages: Plugin = {
  name: 'leave-out-packages',
  setup(bundler) {
    bundler.onResolve({ filter: unusedPackages }, ({ path }) => ({ path, namespace: 'left-out' }))
    bundler.onLoad({ filter: /./, namespace: 'left-out' }, ({ path }) => ({
      contents: `throw new Error('${path} is left out of the binary')`,
    }))
  },
}
