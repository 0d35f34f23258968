import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
const sound = fixture('sound-module.ts')
const mistaken = fixture('mistaken-module.ts')

/** The compiler's complaints about workflow modules, checked with the options of this project. */
const diagnostics = check([sound, mistaken])

function check(files: readonly string[]): readonly { file: string; line: number; message: string }[] {
  const project = ts.readJsonConfigFile(`${root}/tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonSourceFileConfigFileContent(project, ts.sys, root)
  const program = ts.createProgram(files, { ...options, types: [], noUnusedLocals: false })
  return files
    .flatMap((file) => program.getSemanticDiagnostics(program.getSourceFile(file)))
    .map(({ file, start, messageText }) => ({
      file: file?.fileName ?? '',
      line: file === undefined ? 0 : ts.getLineAndCharacterOfPosition(file, start ?? 0).line + 1,
      message: ts.flattenDiagnosticMessageText(messageText, ' '),
    }))
}

test('a sound module compiles, and its input has the types of its schema', () => {
  expect(diagnostics.filter(({ file }) => file === sound)).toEqual([])
})

const mistakes = readFileSync(mistaken, 'utf8')
  .split('\n')
  .flatMap((text, index) => {
    const expected = /\/\/ mistake: (.+)$/.exec(text)?.[1]
    return expected === undefined ? [] : [{ line: index + 1, expected }]
  })

test.each(mistakes)('a mistake in line $line does not compile: $expected', ({ line, expected }) => {
  const found = diagnostics.filter((each) => each.file === mistaken && each.line === line)
  expect(found.map(({ message }) => message).join(' ')).toContain(expected)
})

test('nothing else in the mistaken modules is refused', () => {
  const lines = diagnostics.filter(({ file }) => file === mistaken).map(({ line }) => line)
  expect([...new Set(lines)].sort((a, b) => a - b)).toEqual(mistakes.map(({ line }) => line))
})
