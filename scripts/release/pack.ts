import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, copyFile, cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { licenceTexts } from './licence-texts.ts'
import { makeSbom } from './sbom.ts'
import { thirdPartyPackages } from './third-party-packages.ts'

/** What lies beside the program in the archive. */
const companions = ['LICENSE', 'README.md', 'CHANGELOG.md', 'docs', 'deploy']

export interface PackOptions {
  readonly root: string
  /** The program, already built. */
  readonly binary: string
  /** Such as comfyui-api-1.2.0-linux-x64. */
  readonly name: string
  /** Emptied first. */
  readonly target: string
}

/** Makes the files of a release: archive, bill of materials, and the sums of both. Resolves with their paths. */
export async function packRelease({ root, binary, name, target }: PackOptions): Promise<string[]> {
  await rm(target, { recursive: true, force: true })
  const folder = join(target, name)
  await mkdir(folder, { recursive: true })
  await copyFile(binary, join(folder, 'comfyui-api'))
  await chmod(join(folder, 'comfyui-api'), 0o755)
  for (const each of companions) await cp(join(root, each), join(folder, each), { recursive: true })
  await writeFile(join(folder, 'THIRD-PARTY-LICENCES.txt'), licenceTexts(thirdPartyPackages(root)))

  const archive = join(target, `${name}.tar.gz`)
  const owner = ['--owner=0', '--group=0', '--numeric-owner', '--sort=name']
  execFileSync('tar', ['--create', '--gzip', `--file=${archive}`, ...owner, '--directory', target, name])
  await rm(folder, { recursive: true })
  const sbom = join(target, `${name}.cdx.json`)
  await writeFile(sbom, await makeSbom(root))

  const sums = join(target, 'SHA256SUMS')
  const lines = await Promise.all([archive, sbom].map(async (file) => `${await sha256Of(file)}  ${basename(file)}\n`))
  await writeFile(sums, lines.join(''))
  return [archive, sbom, sums]
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
