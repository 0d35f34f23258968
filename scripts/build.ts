/** Makes dist/ from src/: compiles, and copies the files that are read at run time. */
import { spawnSync } from 'node:child_process'
import { cpSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

const repository = join(import.meta.dirname, '..')
const source = join(repository, 'src')
const target = join(repository, 'dist')

rmSync(target, { recursive: true, force: true })
const compiler = join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
  cwd: repository,
  stdio: 'inherit',
})
if (status !== 0) process.exit(1)

const isAsset = (path: string) => statSync(path).isDirectory() || !/\.ts$|\/fixtures\//.test(path)
cpSync(source, target, { recursive: true, filter: isAsset })
