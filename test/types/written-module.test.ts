import fc from 'fast-check'
import { expect, test } from 'vitest'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { writeModule } from '../../src/converter/module/write-module.ts'
import { chooseParameters } from '../../src/converter/parameters/choose-parameters.ts'
import { compileModules } from '../support/compile-modules.ts'
import { promptArbitrary } from '../support/random-prompt.ts'

test('modules that are written compile under the settings of this project', () => {
  const prompts = fc.sample(promptArbitrary, 25)
  const sources = prompts.flatMap((prompt) =>
    [true, false].map((all) => writeModule(chooseParameters(prompt, { lookUp: coreNode, all }), prompt)),
  )
  const complaints = compileModules(new Map(sources.map((source, index) => [String(index), source])))
  expect(complaints.map((complaint) => `${complaint}\n${sources[Number.parseInt(complaint, 10)] ?? ''}`)).toEqual([])
})

test('a mistake in one would be found', () => {
  const prompt = { '1': { class_type: 'PreviewAny', inputs: { source: 'text' } } }
  const source = writeModule(chooseParameters(prompt, { lookUp: coreNode, expose: ['1.source=words'] }), prompt)
  const mistaken = source.replace('input.words', 'input.word')
  expect(compileModules(new Map([['mistaken', mistaken]])).join()).toContain("mistaken: Property 'word' does not exist")
})
