import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

const repository = join(import.meta.dirname, '..', '..')
const program = join(repository, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs')

const reportSchema = z.object({
  summary: z.object({
    totalCruised: z.number(),
    violations: z.array(z.object({ from: z.string(), to: z.string(), rule: z.object({ name: z.string() }) })),
  }),
})

/** What the linter of the project finds in a folder that looks like the project. */
function cruise(folder: string, paths: readonly string[]) {
  const args = [program, ...paths, '--config', '.dependency-cruiser.js', '--output-type', 'json']
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (stdout === '') throw new Error(stderr)
  return reportSchema.parse(JSON.parse(stdout)).summary
}

test('the sources keep to the directions', () => {
  const { totalCruised, violations } = cruise(repository, ['src', 'test', 'workflows', 'scripts'])
  expect(violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([])
  expect(totalCruised).toBeGreaterThan(50)
})

const leaf = 'export const value = 1\nexport interface Value { readonly value: number }\n'
const imports = (path: string) => `import { value } from '${path}'\nexport const copy = value\n`
const importsType = (path: string) => `import type { Value } from '${path}'\nexport type Copy = Value\n`

/** File that imports, what it imports, and the rule that forbids it. */
const forbidden: readonly (readonly [from: string, to: string, rule: string])[] = [
  ['src/lib/a.ts', 'src/errors/leaf.ts', 'direction-of-lib'],
  ['src/errors/a.ts', 'src/comfyui/leaf.ts', 'direction-of-errors'],
  ['src/comfyui/wire/a.ts', 'src/comfyui/leaf.ts', 'direction-of-comfyui-wire'],
  ['src/comfyui/a.ts', 'src/instances/leaf.ts', 'direction-of-comfyui'],
  ['src/instances/a.ts', 'src/jobs/leaf.ts', 'direction-of-instances'],
  ['src/inputs/a.ts', 'src/outputs/leaf.ts', 'direction-of-inputs'],
  ['src/outputs/a.ts', 'src/inputs/leaf.ts', 'direction-of-outputs'],
  ['src/jobs/a.ts', 'src/http/leaf.ts', 'direction-of-jobs'],
  ['src/workflows/a.ts', 'src/comfyui/leaf.ts', 'direction-of-workflows'],
  ['src/http/a.ts', 'src/simulator/leaf.ts', 'direction-of-http'],
  ['src/simulator/a.ts', 'src/comfyui/leaf.ts', 'direction-of-simulator'],
  ['src/observability/a.ts', 'src/jobs/leaf.ts', 'direction-of-observability'],
  ['src/config/a.ts', 'src/cli/leaf.ts', 'direction-of-config'],
  ['src/cli/a.ts', 'src/jobs/leaf.ts', 'direction-of-cli'],
  ['src/surprise/a.ts', 'src/lib/leaf.ts', 'direction-of-every-folder'],
  ['src/index.ts', 'src/jobs/leaf.ts', 'package-entry-is-small'],
  ['src/jobs/b.ts', 'src/observability/leaf.ts', 'only-composition-observes'],
  ['src/http/b.ts', 'src/config/leaf.ts', 'only-composition-is-configured'],
  ['src/cli/b.ts', 'src/compose.ts', 'nothing-imports-the-top'],
  ['src/cli/b.ts', 'src/render.ts', 'nothing-imports-the-top'],
  ['src/lib/b.ts', 'src/lib/leaf.test.ts', 'sources-stand-alone'],
  ['src/lib/c.ts', 'test/leaf.ts', 'sources-stand-alone'],
  ['workflows/a.ts', 'src/lib/leaf.ts', 'workflows-like-users-write-them'],
]

const allowed: readonly (readonly [from: string, to: string])[] = [
  ['src/comfyui/good.ts', 'src/lib/leaf.ts'],
  ['src/instances/good.ts', 'src/comfyui/leaf.ts'],
  ['src/jobs/good.ts', 'src/instances/leaf.ts'],
  ['src/http/good.ts', 'src/jobs/leaf.ts'],
  ['src/workflows/good.ts', 'src/comfyui/wire/leaf.ts'],
  ['src/observability/good.ts', 'src/jobs/job.ts'],
  ['src/compose.ts', 'src/http/leaf.ts'],
  ['src/main.ts', 'src/compose.ts'],
  ['src/lib/good.test.ts', 'src/jobs/leaf.ts'],
]

describe('in a project full of mistakes', () => {
  let root: string
  let found: string[]

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'boundaries-'))
    for (const file of ['.dependency-cruiser.js', 'tsconfig.json', 'package.json']) {
      cpSync(join(repository, file), join(root, file))
    }
    symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'))
    for (const to of [...forbidden, ...allowed].map(([, path]) => path)) write(to, leaf)
    for (const [from, to] of [...forbidden, ...allowed]) {
      write(from, imports(pathBetween(from, to)))
      if (!isTop(from)) write(withTypes(from), importsType(pathBetween(from, to)))
    }
    write('src/jobs/cycle-a.ts', "import type { B } from './cycle-b.ts'\nexport interface A { readonly b: B }\n")
    write('src/jobs/cycle-b.ts', "import type { A } from './cycle-a.ts'\nexport interface B { readonly a: A }\n")
    write('src/lib/tools.ts', "import 'vitest'\n")
    write('src/lib/missing.ts', "import './gone.ts'\n")
    found = cruise(root, ['src', 'test', 'workflows']).violations.map(({ rule, from }) => `${rule.name}: ${from}`)
  })
  afterAll(() => {
    rmSync(root, { recursive: true })
  })

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const pathBetween = (from: string, to: string) => `./${relative(dirname(from), to)}`
  /** There is only one file of that name for the rule. */
  const isTop = (path: string) => path.split('/').length === 2 && path.startsWith('src/')
  const withTypes = (path: string) => path.replace(/(\w+)((?:\.test)?\.ts)$/, '$1-types$2')

  test.each(forbidden)('%s may not import %s', (from, _to, rule) => {
    expect(found).toContain(`${rule}: ${from}`)
  })

  test.each(forbidden.filter(([from]) => !isTop(from)))('%s may not import a type of %s', (from, _to, rule) => {
    expect(found).toContain(`${rule}: ${withTypes(from)}`)
  })

  test.each(allowed)('%s may import %s', (from) => {
    expect(found.filter((violation) => violation.endsWith(`: ${from}`))).toEqual([])
    expect(found.filter((violation) => violation.endsWith(`: ${withTypes(from)}`))).toEqual([])
  })

  test('a cycle is found, even one of types only', () => {
    expect(found.filter((violation) => violation.startsWith('no-cycles: '))).toContain('no-cycles: src/jobs/cycle-a.ts')
  })

  test('a development tool and a missing file are found', () => {
    expect(found).toContain('no-development-tools-in-sources: src/lib/tools.ts')
    expect(found).toContain('resolvable: src/lib/missing.ts')
  })
})
