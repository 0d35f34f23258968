import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

const repository = join(import.meta.dirname, '..', '..')
const check = (folder: string) =>
  spawnSync(process.execPath, [join(folder, 'scripts', 'generate-docs.ts'), '--check'], { encoding: 'utf8' })

let copy: string
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'docs-'))
  for (const folder of ['docs', 'scripts', 'src'])
    cpSync(join(repository, folder), join(copy, folder), { recursive: true })
  for (const file of ['package.json', '.prettierrc.json']) cpSync(join(repository, file), join(copy, file))
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'))
})
afterEach(() => {
  rmSync(copy, { recursive: true })
})

test('the generated pages are up to date', () => {
  const { stderr, status } = check(repository)
  expect(stderr).toBe('')
  expect(status).toBe(0)
})

test.each(['configuration.md', 'errors.md', 'observability.md', 'simulator.md'])(
  'a difference in %s is noticed',
  (page) => {
    writeFileSync(join(copy, 'docs', page), '# Something else\n')
    const { stderr, status } = check(copy)
    expect(stderr).toContain(`docs/${page}`)
    expect(status).toBe(1)
  },
)
