import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { writeModule } from '../../src/converter/module/write-module.ts'
import { chooseParameters } from '../../src/converter/parameters/choose-parameters.ts'
import { promptArbitrary } from '../support/random-prompt.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What the compiler says of sources that lie nowhere, with the options of this project. */
function complaints(sources: readonly string[]): readonly string[] {
  const project = ts.readJsonConfigFile(`${root}/tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonSourceFileConfigFileContent(project, ts.sys, root)
  const files = new Map(sources.map((source, index) => [`${root}workflows/written-${index}.ts`, source]))
  const host = ts.createCompilerHost({ ...options, types: [] })
  const { readFile, fileExists } = host
  host.readFile = (name) => files.get(name) ?? readFile(name)
  host.fileExists = (name) => files.has(name) || fileExists(name)
  host.getSourceFile = (name, language) => {
    const text = host.readFile(name)
    return text === undefined ? undefined : ts.createSourceFile(name, text, language)
  }
  const program = ts.createProgram([...files.keys()], { ...options, types: [] }, host)
  return [...files.keys()].flatMap((name) => {
    const file = program.getSourceFile(name)
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    return found.map(
      ({ messageText }) => `${ts.flattenDiagnosticMessageText(messageText, ' ')}\n${files.get(name) ?? ''}`,
    )
  })
}

test('modules that are written compile under the settings of this project', () => {
  const prompts = fc.sample(promptArbitrary, 25)
  const sources = prompts.flatMap((prompt) =>
    [true, false].map((all) => writeModule(chooseParameters(prompt, { lookUp: coreNode, all }), prompt)),
  )
  expect(complaints(sources)).toEqual([])
})

test('a mistake in one would be found', () => {
  const prompt = { '1': { class_type: 'PreviewAny', inputs: { source: 'text' } } }
  const source = writeModule(chooseParameters(prompt, { lookUp: coreNode, expose: ['1.source=words'] }), prompt)
  expect(complaints([source.replace('input.words', 'input.word')]).join()).toContain("Did you mean 'words'?")
})
