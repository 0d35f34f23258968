/**
 * Checks, builds and publishes a release.
 *
 *     npm run build-and-release                                         checks, and says what would be done (--dry-run)
 *     npm run build-and-release -- --build                              makes the files of the release
 *     npm run build-and-release -- --publish --repository owner/name    makes them, and publishes them on GitHub
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { readReleaseState } from './release/find-obstacles.ts'
import { publishRelease } from './release/github.ts'
import { packRelease } from './release/pack.ts'
import { readRequest } from './release/read-request.ts'

const root = join(import.meta.dirname, '..')
const platform = 'linux-x64'

try {
  const request = readRequest(process.argv.slice(2), process.env)
  const { version, tag, commit, notes, obstacles } = readReleaseState(root)
  const name = `comfyui-api-${version}-${platform}`
  const target = join(root, 'dist-bin', 'release')
  if (obstacles.length > 0) throw new Error([`${version} cannot be released:`, ...obstacles].join('\n- '))

  const run = (command: string, env: Readonly<Record<string, string>> = {}) => {
    process.stdout.write(`\n== ${command}\n`)
    execFileSync('npm', ['run', ...command.split(' ')], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    })
  }
  if (request.kind === 'dry-run') {
    process.stdout.write(
      `${version} of ${commit} could be released. With --build:\n` +
        `- npm run check, npm run build-binary, npm run test:e2e with the program that was built\n` +
        `- dist-bin/release/${name}.tar.gz: the program, its licence and those of what it contains, docs, deploy\n` +
        `- dist-bin/release/${name}.cdx.json: what it contains, as CycloneDX\n` +
        `- dist-bin/release/SHA256SUMS\n` +
        `With --publish these are uploaded to GitHub, as ${tag}, with these notes:\n\n${notes}\n`,
    )
  } else {
    run('check')
    run('build-binary')
    run('test:e2e', { BINARY: join(root, 'bin', 'comfyui-api') })
    const files = await packRelease({ root, binary: join(root, 'bin', 'comfyui-api'), name, target })
    process.stdout.write(`\n${files.join('\n')}\n`)
    if (request.kind === 'publish') {
      const address = await publishRelease({ tag, commit, notes, files }, request)
      process.stdout.write(`Published: ${address}\n`)
    } else process.stdout.write('Nothing was uploaded.\n')
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
