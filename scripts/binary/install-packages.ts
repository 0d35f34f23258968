import { spawnSync } from 'node:child_process'
import { copyFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Places, repository } from './places.ts'

/**
 * Installs the packages for another processor beside those of this machine: the same versions, checked against the same
 * lockfile. Of Node.js and of native code npm has one package for each kind of machine.
 */
export async function installPackages({ arch, modules }: Places): Promise<void> {
  if (arch === process.arch) return
  const folder = dirname(modules)
  await mkdir(folder, { recursive: true })
  for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
    await copyFile(join(repository, name), join(folder, name))
  }
  const kind = ['--os=linux', `--cpu=${arch}`, '--libc=glibc']
  const { status } = spawnSync('npm', ['ci', '--omit=dev', '--ignore-scripts', ...kind], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) throw new Error(`The packages for ${arch} cannot be installed`)
}
