import { transformSync } from 'oxc-transform'
import { describe, expect, test } from 'vitest'
import { createTranspiler, ModuleSyntaxError, originalPosition } from './transpile-module.ts'

const transpile = createTranspiler(transformSync)

describe('transpiled modules', () => {
  test('lose types, and the imports that only types use', () => {
    const { code } = transpile(
      'a.ts',
      `import { Type, value } from './b'\nimport { OnlyType } from './c'\nconst a: Type = value as OnlyType\nexport { a }`,
    )
    expect(code).toContain('import { value } from "./b"')
    expect(code).not.toContain('./c')
    expect(code).not.toContain('Type')
  })

  test('lead back to the lines of the source', () => {
    const source = `interface A {\n  a: string\n}\n\ntype B = A\n\nexport function fail(b: B): never {\n  throw new Error(b.a)\n}\n`
    const { code, map } = transpile('a.ts', source)
    const line = code.split('\n').findIndex((text) => text.includes('throw')) + 1
    expect(line).toBeLessThan(8)
    expect(originalPosition(map, line, 2)).toEqual({ line: 8, column: 3 })
  })
})

test.each([
  ['a comma too many', `const a = 1\nexport default { a: 1,, }\n`, { line: 2, column: 23 }],
  ['the same behind other alphabets', `const é = '日本語 🦊'\nexport default { é,, }\n`, { line: 2, column: 20 }],
  ['an open brace', `export default {\n  a: 1,\n`, { line: 3, column: 1 }],
])('%s is told with its place', (_title, source, place) => {
  const broken = (): unknown => transpile('/folder/a.ts', source)
  expect(broken).toThrow(ModuleSyntaxError)
  expect(broken).toThrow(expect.objectContaining({ file: '/folder/a.ts', ...place }))
})
