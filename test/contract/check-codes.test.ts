import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorCatalogue } from '../../src/errors/error-catalogue.ts'

const root = new URL('../../', import.meta.url)

/** Where codes of problems come from, and how they are written there. */
const places: readonly (readonly [folder: string, files: RegExp, code: RegExp])[] = [
  ['src/', /^check\.ts$/, /code: '(\w+)'/g],
  ['src/workflows/check/', /(?<!\.test)\.ts$/, /(?:code = |refused\(|[?:] )'([a-z]+_[a-z_]+)'/g],
  ['src/workflows/graph/', /^graph-rules\.ts$/, /^ {2}\| '(\w+)'/gm],
  ['src/workflows/graph/', /^complete-prompt\.ts$/, /code: '(\w+)'/g],
  ['src/comfyui/wire/verdict/', /(?<!\.test)\.ts$/, /(?:type: |beyondLimit\()'(\w+)'/g],
]

/** Says of a whole graph what is said of its nodes. */
const told = new Set(['prompt_outputs_failed_validation'])

function codesOfSources(): ReadonlySet<string> {
  const codes = places.flatMap(([folder, files, code]) =>
    readdirSync(new URL(folder, root), { encoding: 'utf8', recursive: true })
      .filter((file) => files.test(file))
      .flatMap((file) => [...readFileSync(new URL(folder + file, root), 'utf8').matchAll(code)])
      .map(([, name = '']) => name),
  )
  return new Set(codes.filter((code) => !told.has(code) && !Object.hasOwn(errorCatalogue, code)))
}

test('docs/check.md has every code of a problem, and no other', () => {
  const page = readFileSync(new URL('docs/check.md', root), 'utf8')
  const [, section = ''] = /^## Codes\n([\s\S]*?)^## /m.exec(page) ?? []
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  const listed = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, code = '']) => code))
  expect(new Set(listed).size).toBe(listed.length)
  const known = new Set(listed.filter((code) => !Object.hasOwn(errorCatalogue, code)))
  expect([...known].toSorted()).toEqual([...codesOfSources()].toSorted())
})
