import { spawnSync } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { appendArchive } from './append-archive.ts'
import { type Places, repository } from './places.ts'

const packageSchema = z.looseObject({ version: z.string() })

/**
 * Makes one file of the staged files and a Node.js. The packer is given the Node.js of the npm package, as if it had
 * fetched it from nodejs.org before, so that it asks no network.
 */
export async function packProgram({ arch, work, stage, modules, binary }: Places): Promise<void> {
  const home = join(work, 'home')
  const version = await seedNode(home, arch, modules)
  // The data that goes into the binary is written by a Node.js of this machine, which must be of the same version.
  if (process.versions.node !== version)
    throw new Error(`This script must be run by Node.js ${version}: npm run build-binary`)
  const packer = join(repository, 'node_modules', '@yao-pkg', 'pkg', 'lib-es5', 'bin.js')
  // Where this file lies stands in the binary, and in what is told of errors.
  const scratch = await mkdtemp(join(tmpdir(), 'comfyui-api-'))
  try {
    const boot = join(scratch, 'boot.cjs')
    await copyFile(join(stage, 'boot.cjs'), boot)
    const args = [packer, '--sea', '--targets', `node${version}-linux-${arch}`, '--output', binary, boot]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      env: { ...process.env, HOME: home },
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`The packer failed:\n${stdout}${stderr}`)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  // The packer has an archive of its own; out of this one a start is some 20 ms shorter and takes less memory.
  await appendArchive(binary, stage, (name) => name.startsWith('boot'))
}

/** @returns the version of Node.js */
async function seedNode(home: string, arch: string, modules: string): Promise<string> {
  const source = join(modules, `node-linux-${arch}`)
  const { version } = packageSchema.parse(JSON.parse(await readFile(join(source, 'package.json'), 'utf8')))
  const cached = join(home, '.pkg-cache', 'sea', `node-v${version}-linux-${arch}`)
  const node = join(cached, 'bin', 'node')
  await mkdir(join(cached, 'bin'), { recursive: true })
  await copyFile(join(source, 'bin', 'node'), node)
  await chmod(node, 0o755)
  strip(node, arch)
  for (const mark of [`${cached}.tar.gz`, `${cached}.tar.gz.ok`, `${node}.ok`]) await writeFile(mark, '')
  return version
}

/** Takes out what only debuggers read: a seventh of the size. Left out where the system has no program for that. */
function strip(file: string, arch: string): void {
  const program =
    arch === process.arch ? 'strip' : arch === 'arm64' ? 'aarch64-linux-gnu-strip' : 'x86_64-linux-gnu-strip'
  const { error, status } = spawnSync(program, ['--strip-unneeded', file], { stdio: 'ignore' })
  if (error !== undefined || status !== 0) console.log(`The binary is not stripped: ${program} is missing or failed.`)
}
