import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { changesOf } from './changelog.ts'

const packageSchema = z.looseObject({ version: z.string() })
const versionPattern = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/

export interface ReleaseState {
  readonly version: string
  readonly tag: string
  readonly commit: string
  /** What the changelog says of the version. */
  readonly notes: string
  /** Why it cannot be released, one sentence each, with what to do. */
  readonly obstacles: readonly string[]
}

/** Looks at a checkout and changes nothing in it. */
export function readReleaseState(root: string): ReleaseState {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
  const versionOf = (file: string) => packageSchema.parse(JSON.parse(readFileSync(join(root, file), 'utf8'))).version
  const version = versionOf('package.json')
  const tag = `v${version}`
  const notes = changesOf(version, readFileSync(join(root, 'CHANGELOG.md'), 'utf8'))
  const obstacles = [
    !versionPattern.test(version) && `package.json has the version ${version}, which is none of Semantic Versioning.`,
    versionOf('package-lock.json') !== version &&
      'package-lock.json has another version than package.json: run npm install --package-lock-only.',
    notes === undefined &&
      `CHANGELOG.md says nothing of ${version}: put what is under "Unreleased" under a heading "## ${version}".`,
    git('status', '--porcelain') !== '' && 'There are changes that are not committed: what is released must be in Git.',
    git('tag', '--list', tag) !== '' && `The tag ${tag} is there already: raise the version in package.json.`,
  ].filter((obstacle) => obstacle !== false)
  return { version, tag, commit: git('rev-parse', 'HEAD'), notes: notes ?? '', obstacles }
}
