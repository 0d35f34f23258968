import { execFileSync } from 'node:child_process'
import { utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { z } from 'zod'
import { describe, expect, test } from 'vitest'
import { defineWorkflow } from '../../src/index.ts'
import { moduleSource, openRegistry, textOf, untilChanged, WorkflowFolder } from '../support/workflow-folder.ts'
import { nativeImport } from '../support/native-import.ts'

describe('loading', () => {
  test('serves modules of a folder outside of the project under the path of their file', async () => {
    using folder = new WorkflowFolder({
      'a.ts': moduleSource(`'from a'`),
      'family/b.mts': moduleSource(`'from b'`),
      'family/deeper/c.js': moduleSource(`'from c'`),
      'd.mjs': moduleSource(`'from d'`),
    })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toEqual([])
    expect(registry.list().map(({ name }) => name)).toEqual(['a', 'd', 'family/b', 'family/deeper/c'])
    expect(registry.get('family/b')).toMatchObject({ file: 'family/b.mts', generation: 1 })
    expect(await textOf(registry, 'family/deeper/c')).toBe('from c')
  })

  test.skipIf(process.platform === 'win32')('leaves out what never ends', async () => {
    using folder = new WorkflowFolder({ 'a.ts': moduleSource(`'from a'`) })
    execFileSync('mkfifo', [folder.at('pipe.ts')])
    folder.link('link.ts', folder.at('pipe.ts'))
    await using registry = await openRegistry(folder)
    expect(registry.list().map(({ name }) => name)).toEqual(['a'])
    const reason = 'is no file that can be read to its end'
    expect(registry.problems()).toMatchObject([
      { file: 'link.ts', reason },
      { file: 'pipe.ts', reason },
    ])
  })

  test('resolves relative imports the ways authors write them', async () => {
    using folder = new WorkflowFolder({
      'a.ts': moduleSource(
        'words',
        `import { one } from './_lib/one.js'
import { two } from './_lib/two'
import { three } from './_lib'
import { four } from './_lib/four.ts'
import five from './_lib/five.json'
import six from './_lib/six.json' with { type: 'json' }
const words = [one, two, three, four, five.word, six.word].join(' ')`,
      ),
      '_lib/one.ts': `export const one = 'one'`,
      '_lib/two.ts': `export const two = 'two'`,
      '_lib/index.ts': `export const three = 'three'`,
      '_lib/four.ts': `export const four = 'four'`,
      '_lib/five.json': '{ "word": "five" }',
      '_lib/six.json': '{ "word": "six" }',
    })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toEqual([])
    expect(await textOf(registry, 'a')).toBe('one two three four five six')
  })

  test('calls generateWorkflow as a part of what the module exports', async () => {
    const members = `RequestSchema = z.object({})
  generateWorkflow() { return { '1': { class_type: 'Text', inputs: { text: this.words() } } } }`
    using folder = new WorkflowFolder({
      'object.ts': `import { z } from 'zod'
export default {
  ${members.replace(' =', ':').replace(')\n', '),\n')},
  words() { return 'of an object' },
}`,
      'class.ts': `import { z } from 'zod'
class Drawing {
  #words = 'of a class'
  ${members}
  words() { return this.#words }
}
export default new Drawing()`,
    })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toEqual([])
    expect(await textOf(registry, 'object')).toBe('of an object')
    expect(await textOf(registry, 'class')).toBe('of a class')
  })

  test('takes TypeScript that plain type stripping does not', async () => {
    using folder = new WorkflowFolder({
      'a.ts': moduleSource(
        'Color.Red + late',
        `import { Shape, Size } from './_types'
enum Color { Red = 'red' }
const shape: Shape = { size: 1 as Size }
const late: string = await Promise.resolve(' late')
void shape`,
      ),
      '_types.ts': 'export type Size = number\nexport interface Shape { size: Size }',
    })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toEqual([])
    expect(await textOf(registry, 'a')).toBe('red late')
  })

  test('gives modules the zod and the comfyui-api of this process', async () => {
    using folder = new WorkflowFolder({
      'a.ts': moduleSource(`'a'`, `export { z, defineWorkflow }\nexport * as v4 from 'zod/v4'`),
      // A copy of its own would be another instance.
      'node_modules/zod/package.json': '{ "name": "zod", "type": "module", "exports": "./index.js" }',
      'node_modules/zod/index.js': `throw new Error('the copy of the folder was loaded')`,
    })
    const loaded: unknown[] = []
    await using registry = await openRegistry(folder, {
      importModule: async (url) => {
        const namespace = await nativeImport(url)
        loaded.push(namespace)
        return namespace
      },
    })
    expect(registry.problems()).toEqual([])
    expect(registry.get('a')?.definition.RequestSchema).toBeInstanceOf(z.ZodObject)
    expect(loaded).toMatchObject([{ defineWorkflow }])
    expect(loaded).toEqual([expect.objectContaining({ z: z, v4: expect.objectContaining({ ZodObject: z.ZodObject }) })])
  })

  test('finds other packages in the node_modules of the folder', async () => {
    using folder = new WorkflowFolder({
      'a.ts': moduleSource('word', `import { word } from 'words'`),
      'node_modules/words/package.json': '{ "name": "words", "type": "module", "exports": "./index.js" }',
      'node_modules/words/index.js': `export { word } from './word.js'`,
      'node_modules/words/word.js': `export const word = 'packaged'`,
    })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toEqual([])
    expect(await textOf(registry, 'a')).toBe('packaged')
  })

  test('takes modules that were compiled to CommonJS, and loads them again', async () => {
    const source = (text: string): string => `"use strict"
Object.defineProperty(exports, '__esModule', { value: true })
const { z } = require('zod')
exports.default = {
  RequestSchema: z.object({}),
  generateWorkflow: () => ({ 1: { class_type: 'Text', inputs: { text: '${text}' } } }),
}`
    using folder = new WorkflowFolder({ 'a.js': source('first'), 'package.json': '{ "type": "commonjs" }' })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toEqual([])
    expect(await textOf(registry, 'a')).toBe('first')
    folder.write('a.js', source('second'))
    await registry.reload()
    expect(await textOf(registry, 'a')).toBe('second')
  })

  test('leaves modules outside of the folders alone, and all of them once closed', async () => {
    using folder = new WorkflowFolder({ 'a.ts': moduleSource(`'a'`) })
    using other = new WorkflowFolder({ 'b.mjs': `import 'comfyui-api'`, 'c.mjs': `import './missing'` })
    const registry = await openRegistry(folder)
    await expect(nativeImport(`file://${other.at('b.mjs')}`)).rejects.toThrow(/Cannot find package 'comfyui-api'/)
    await expect(nativeImport(`file://${other.at('c.mjs')}`)).rejects.toThrow(/Cannot find module/)
    await registry.close()
    await expect(nativeImport(`file://${folder.at('a.ts')}`)).rejects.toThrow(/Cannot find package 'zod'/)
  })

  test('loads a hundred modules that share a helper quickly', async () => {
    const helper = `import { helper } from './_helper'`
    const modules = Array.from({ length: 100 }, (_, index) => [`m${index}.ts`, moduleSource('helper', helper)] as const)
    using folder = new WorkflowFolder({
      ...Object.fromEntries(modules),
      '_helper.ts': `export const helper = 'shared'`,
    })
    const startedAt = performance.now()
    await using registry = await openRegistry(folder)
    const tookMs = performance.now() - startedAt
    expect(registry.list()).toHaveLength(100)
    expect(tookMs).toBeLessThan(3000)
  })

  test('does not wait for a module that never finishes to load', async () => {
    using folder = new WorkflowFolder({
      'stuck.ts': moduleSource(`'stuck'`, 'await new Promise(() => {})'),
      'good.ts': moduleSource(`'good'`),
    })
    await using registry = await openRegistry(folder, { loadTimeoutMs: 100 })
    expect(await textOf(registry, 'good')).toBe('good')
    expect(registry.problems()).toMatchObject([{ file: 'stuck.ts', reason: 'not loaded within 0.1 s' }])
  })
})

describe('what is no route', () => {
  test('passes over private, hidden, test and declaration files and packages in silence', async () => {
    using folder = new WorkflowFolder({
      '_private.ts': 'throw new Error()',
      '_private/a.ts': 'throw new Error()',
      '.hidden.ts': 'throw new Error()',
      '.git/a.ts': 'throw new Error()',
      'a.test.ts': 'throw new Error()',
      'types.d.ts': 'throw new Error()',
      'node_modules/a/index.js': 'throw new Error()',
      'graph.json': '{}',
      'README.md': '# words',
    })
    await using registry = await openRegistry(folder)
    expect(registry.list()).toEqual([])
    expect(registry.problems()).toEqual([])
  })

  test('refuses reserved first segments and names that no address can have, and only those', async () => {
    using folder = new WorkflowFolder({
      'docs/a.ts': moduleSource(`''`),
      'health.ts': moduleSource(`''`),
      'family/docs.ts': moduleSource(`'fine'`),
      'my workflow.ts': moduleSource(`''`),
      'fa..mily/a.ts': moduleSource(`''`),
      'sd1.5/a.ts': moduleSource(`'fine'`),
      'sd1.5/a.b.ts': moduleSource(`''`),
    })
    await using registry = await openRegistry(folder)
    expect(registry.list().map(({ name }) => name)).toEqual(['family/docs', 'sd1.5/a'])
    expect(registry.problems()).toMatchObject([
      {
        file: 'docs/a.ts',
        name: 'docs/a',
        reason: '/docs is a route of the server itself: give the folder another name',
      },
      {
        file: 'fa..mily/a.ts',
        name: undefined,
        reason: expect.stringContaining('"fa..mily" cannot be part of a route'),
      },
      { file: 'health.ts', reason: '/health is a route of the server itself: give the file another name' },
      { file: 'my workflow.ts', reason: expect.stringContaining('"my workflow" cannot be part of a route') },
      { file: 'sd1.5/a.b.ts', reason: expect.stringContaining('"a.b" cannot be part of a route') },
    ])
  })

  test('refuses symbolic links that lead out of the folder, also in imports', async () => {
    using outside = new WorkflowFolder({ 'secret.ts': moduleSource(`'secret'`), 'folder/b.ts': moduleSource(`'b'`) })
    using folder = new WorkflowFolder({
      'real.ts': moduleSource(`'real'`),
      'importer.ts': moduleSource('secret', `import secret from './_linked'`),
    })
    folder.link('linked.ts', outside.at('secret.ts'))
    folder.link('_linked.ts', outside.at('secret.ts'))
    folder.link('linked-folder', outside.at('folder'))
    folder.link('dangling.ts', folder.at('nothing.ts'))
    folder.link('inside.ts', folder.at('real.ts'))
    folder.link('loop/again', folder.path)
    await using registry = await openRegistry(folder)
    expect(registry.list().map(({ name }) => name)).toEqual(['inside', 'real'])
    expect(registry.problems()).toMatchObject([
      { file: 'dangling.ts', reason: 'is a symbolic link that leads nowhere' },
      { file: 'linked.ts', reason: 'is a symbolic link that leads out of the workflow folder' },
      {
        file: 'importer.ts',
        reason: '"_linked.ts" is a symbolic link that leads out of the workflow folder',
      },
    ])
  })

  test('serves a name of two folders from the one given later, and says so', async () => {
    using first = new WorkflowFolder({ 'x/a.ts': moduleSource(`'first'`), 'x/b.ts': moduleSource(`'only here'`) })
    using second = new WorkflowFolder({ 'x/a.mts': moduleSource(`'second'`) })
    await using registry = await openRegistry([first, second])
    expect(await textOf(registry, 'x/a')).toBe('second')
    expect(await textOf(registry, 'x/b')).toBe('only here')
    expect(registry.problems()).toMatchObject([
      { file: 'x/a.ts', name: 'x/a', reason: expect.stringContaining('x/a.mts') },
    ])
    second.remove('x/a.mts')
    await registry.reload()
    expect(await textOf(registry, 'x/a')).toBe('first')
    expect(registry.problems()).toEqual([])
  })

  test('prefers TypeScript where one folder has several files for a name', async () => {
    using folder = new WorkflowFolder({ 'a.js': moduleSource(`'js'`), 'a.ts': moduleSource(`'ts'`) })
    await using registry = await openRegistry(folder)
    expect(await textOf(registry, 'a')).toBe('ts')
    expect(registry.problems()).toMatchObject([{ file: 'a.js', reason: 'the route /a is served from a.ts' }])
  })

  test('takes a folder that does not exist for an empty one, until it does', async () => {
    using folder = new WorkflowFolder()
    folder.remove('')
    await using registry = await openRegistry(folder)
    expect(registry.list()).toEqual([])
    folder.write('a.ts', moduleSource(`'a'`))
    await registry.reload()
    expect(await textOf(registry, 'a')).toBe('a')
  })
})

describe('problems', () => {
  const broken: [title: string, source: string, problem: object][] = [
    [
      'a syntax error',
      `const a = 1\nexport default {\n  a: 1,,\n}\n`,
      { line: 3, column: 8, reason: 'Unexpected token' },
    ],
    [
      'an error at import, behind types that compile to nothing',
      `interface A {\n  a: string\n}\n\nconst a: A | undefined = undefined\nthrow new TypeError('at import')\nexport { a }`,
      { line: 6, reason: 'TypeError: at import' },
    ],
    [
      'an import of a file that is not there',
      `import { z } from 'zod'\nimport { a } from '../missing'\nexport default { z, a }`,
      { line: 2, reason: 'cannot find the module "../missing"' },
    ],
    [
      'an import of a package that is not there',
      `import a from 'no-such-package'\nexport default { a }`,
      { reason: expect.stringContaining(`Cannot find package 'no-such-package'`) },
    ],
    [
      'an import of a name that is not exported',
      `import { helper, missing } from '../_helper'\nexport default { helper, missing }`,
      { line: 1, reason: expect.stringContaining(`does not provide an export named 'missing'`) },
    ],
    [
      'an error in a file that it imports',
      `import { thrown } from '../_thrower'\nexport default { thrown }`,
      { line: undefined, reason: 'from the helper (in _thrower.ts line 3)' },
    ],
    ['no default export', `export const a = 1`, { reason: expect.stringContaining('no default export') }],
    [
      'no schema',
      `export default { generateWorkflow: () => ({}) }`,
      { reason: 'the default export has no RequestSchema' },
    ],
    [
      'no builder',
      `import { z } from 'zod'\nexport default { RequestSchema: z.object({}) }`,
      { reason: 'the default export has no generateWorkflow' },
    ],
    [
      'a schema that is none',
      `export default { RequestSchema: { type: 'object' }, generateWorkflow: () => ({}) }`,
      { reason: expect.stringContaining('RequestSchema is no Zod schema') },
    ],
    [
      'a schema that takes no object',
      `import { z } from 'zod'\nexport default { RequestSchema: z.string(), generateWorkflow: () => ({}) }`,
      { reason: 'RequestSchema must describe an object of parameters' },
    ],
    ['something thrown that is no error', `throw 'a text'`, { reason: 'it threw a text' }],
  ]

  test.each(broken)(
    '%s is told with file, line and reason, and costs only its module',
    async (_title, source, problem) => {
      using folder = new WorkflowFolder({
        'family/broken.ts': source,
        'good.ts': moduleSource(`'good'`),
        '_helper.ts': `export const helper = 1`,
        '_thrower.ts': `export const thrown: unknown = fail()\nfunction fail(): unknown {\n  throw new Error('from the helper')\n}`,
      })
      await using registry = await openRegistry(folder)
      expect(registry.list().map(({ name }) => name)).toEqual(['good'])
      const [found, ...others] = registry.problems()
      expect(others).toEqual([])
      expect(found).toMatchObject({ file: 'family/broken.ts', name: 'family/broken', servingPrevious: false })
      expect(found).toMatchObject(problem)
      expect(JSON.stringify(found)).not.toContain(tmpdir())
    },
  )

  test('an error while a graph is built names the line of the TypeScript, and no path', async () => {
    using folder = new WorkflowFolder({
      'a.ts': `import { z } from 'zod'

interface Unused {
  a: string
}

export default {
  RequestSchema: z.object({ style: z.string() }),
  generateWorkflow: (input: { style: string }) => {
    const styles: Record<string, { words: string } | undefined> = {}
    return { '1': { class_type: 'Text', inputs: { text: styles[input.style]!.words } } }
  },
}
`,
    })
    await using registry = await openRegistry(folder)
    const workflow = registry.get('a')
    const error: unknown = await workflow
      ?.build(workflow.parse({ style: 'x' }), { uploads: new Set(), filenamePrefix: 'p' })
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'workflow_failed' })
    expect(String(error)).toContain('generateWorkflow of a.ts failed: line 11: TypeError')
    expect(String(error)).not.toContain(tmpdir())
  })

  test('flaws that do not stop a workflow are warnings of its own', async () => {
    using folder = new WorkflowFolder({
      'a.ts': `import { z } from 'zod'
export default {
  RequestSchema: z.object({ prompt: z.string() }),
  generateWorkflow: () => ({}),
  summary: 1,
  examples: [{ prompt: 'fine' }, { promt: 'misspelt' }],
  metadata: { requiredModels: [{ directory: 'vae' }, { name: 'b.safetensors', directory: 'vae' }], modelSources: { c: 'u' } },
}`,
    })
    await using registry = await openRegistry(folder)
    expect(registry.get('a')?.warnings).toEqual([
      expect.stringContaining('summary is ignored'),
      expect.stringContaining('metadata.requiredModels[0] is ignored: name: '),
      expect.stringContaining('metadata.modelSources names "c", which is none of the requiredModels'),
      expect.stringContaining('examples[1] does not work'),
    ])
    expect(registry.get('a')?.definition.metadata?.requiredModels).toEqual([
      { name: 'b.safetensors', directory: 'vae' },
    ])
  })
})

test('needs that are names, with sources beside them, read as those that are written out', async () => {
  const source = (metadata: string): string => `import { z } from 'zod'
export default { RequestSchema: z.object({}), generateWorkflow: () => ({}), metadata: ${metadata} }`
  using folder = new WorkflowFolder({
    'names.ts': source(`{
  requiredNodes: ['rgthree-comfy'],
  requiredModels: ['a.safetensors', 'b.safetensors', { name: 'c.safetensors', directory: 'vae' }],
  modelSources: { 'a.safetensors': 'https://example.com/a', 'c.safetensors': 'https://example.com/c' },
}`),
    'written_out.ts': source(`{
  requiredNodes: [{ pack: 'rgthree-comfy' }],
  requiredModels: [
    { name: 'a.safetensors', url: 'https://example.com/a' },
    { name: 'b.safetensors' },
    { name: 'c.safetensors', directory: 'vae', url: 'https://example.com/c' },
  ],
}`),
  })
  await using registry = await openRegistry(folder)
  expect(registry.list().flatMap(({ warnings }) => warnings)).toEqual([])
  const writtenOut = registry.get('written_out')?.definition.metadata
  expect(writtenOut?.requiredModels?.map(({ url }) => url)).toEqual([
    'https://example.com/a',
    undefined,
    'https://example.com/c',
  ])
  expect(registry.get('names')?.definition.metadata).toEqual(writtenOut)
})

describe('reloading', () => {
  test('takes a changed file, and leaves the others as they are', async () => {
    using folder = new WorkflowFolder({ 'a.ts': moduleSource(`'one'`), 'b.ts': moduleSource(`'b'`) })
    await using registry = await openRegistry(folder)
    const [a, b] = registry.list()
    const revision = registry.revision
    await registry.reload()
    expect(registry.revision).toBe(revision)
    expect(registry.list()).toEqual([a, b])

    folder.write('a.ts', moduleSource(`'two'`))
    await registry.reload()
    expect(await textOf(registry, 'a')).toBe('two')
    expect(registry.get('a')?.generation).toBe(2)
    expect(registry.get('b')).toBe(b)
    expect(registry.revision).toBeGreaterThan(revision)
    expect(a?.generation).toBe(1)
  })

  test('takes everything that imports a changed file, over several steps', async () => {
    using folder = new WorkflowFolder({
      'a.ts': moduleSource('word', `import { word } from './_middle'`),
      'b.ts': moduleSource(`'b'`),
      '_middle.ts': `export * from './_deep'`,
      '_deep.ts': `export const word = 'one'`,
    })
    await using registry = await openRegistry(folder)
    const b = registry.get('b')
    folder.write('_deep.ts', `export const word = 'two'`)
    await registry.reload()
    expect(await textOf(registry, 'a')).toBe('two')
    expect(registry.get('b')).toBe(b)
  })

  test('keeps serving the previous version of a broken file, and says so, until it is mended', async () => {
    using folder = new WorkflowFolder({ 'a.ts': moduleSource(`'one'`) })
    await using registry = await openRegistry(folder)
    folder.write('a.ts', `${moduleSource(`'two'`)}}`)
    await registry.reload()
    expect(await textOf(registry, 'a')).toBe('one')
    expect(registry.problems()).toMatchObject([{ file: 'a.ts', line: 8, servingPrevious: true }])
    folder.write('a.ts', moduleSource(`'three'`))
    await registry.reload()
    expect(await textOf(registry, 'a')).toBe('three')
    expect(registry.problems()).toEqual([])
  })

  test('forgets a deleted file, and takes a new one', async () => {
    using folder = new WorkflowFolder({ 'a.ts': moduleSource(`'a'`) })
    await using registry = await openRegistry(folder)
    folder.remove('a.ts')
    folder.write('b.ts', moduleSource(`'b'`))
    await registry.reload()
    expect(registry.list().map(({ name }) => name)).toEqual(['b'])
    expect(registry.get('a')).toBeUndefined()
  })

  test('tries a module again when what it lacked is there', async () => {
    using folder = new WorkflowFolder({ 'a.ts': moduleSource('word', `import { word } from './_later'`) })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toHaveLength(1)
    folder.write('_later.ts', `export const word = 'here'`)
    await registry.reload()
    expect(registry.problems()).toEqual([])
    expect(await textOf(registry, 'a')).toBe('here')
  })

  test('mends a module whose helper was broken', async () => {
    using folder = new WorkflowFolder({
      'a.ts': moduleSource('word', `import { word } from './_helper'`),
      '_helper.ts': `export const word = `,
    })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toMatchObject([{ file: 'a.ts', reason: expect.stringContaining('_helper.ts line') }])
    folder.write('_helper.ts', `export const word = 'mended'`)
    await registry.reload()
    expect(await textOf(registry, 'a')).toBe('mended')
  })

  test('says of a broken module once what is wrong with it, until it changes', async () => {
    using folder = new WorkflowFolder({ 'broken.ts': 'export default 1', 'sound.ts': moduleSource(`'one'`) })
    const warned: unknown[] = []
    const logger = { info: () => undefined, warn: (facts: object) => void warned.push(facts) }
    await using registry = await openRegistry(folder, { watch: 'poll', pollIntervalMs: 20, logger })
    for (const generation of [2, 3]) {
      folder.write('sound.ts', moduleSource(`'version ${generation}'`))
      await untilChanged(registry, () => (registry.get('sound')?.generation ?? 0) >= generation)
    }
    expect(warned).toMatchObject([{ name: 'broken' }])
    folder.write('broken.ts', 'export default 22')
    await registry.reload()
    expect(warned.length).toBeGreaterThan(1)
  })

  test.each(['native', 'poll'] as const)(
    'goes on with a folder that takes the place of another (%s)',
    async (watch) => {
      using folder = new WorkflowFolder({ 'a/one.ts': moduleSource(`'one'`) })
      await using registry = await openRegistry(folder, { watch, pollIntervalMs: 20 })
      const untilServed = (...names: string[]) =>
        untilChanged(
          registry,
          () =>
            registry
              .list()
              .map(({ name }) => name)
              .join() === names.join(),
        )
      folder.remove('a')
      folder.write('a/two.ts', moduleSource(`'two'`))
      await untilServed('a/two')
      folder.write('a/three.ts', moduleSource(`'three'`))
      await untilServed('a/three', 'a/two')
      folder.remove('')
      await untilServed()
      folder.write('a/four.ts', moduleSource(`'four'`))
      await untilServed('a/four')
      folder.write('five.ts', moduleSource(`'five'`))
      await untilServed('a/four', 'five')
    },
  )

  test.each(['native', 'poll'] as const)('notices a file of the same size and time as before (%s)', async (watch) => {
    using folder = new WorkflowFolder({ 'a.mjs': moduleSource(`'one'`) })
    const longAgo = new Date('2020-01-01T00:00:00Z')
    utimesSync(folder.at('a.mjs'), longAgo, longAgo)
    await using registry = await openRegistry(folder, { watch, pollIntervalMs: 20 })
    // What was seen at this look counts as known.
    await registry.reload()
    folder.write('a.mjs', moduleSource(`'two'`))
    utimesSync(folder.at('a.mjs'), longAgo, longAgo)
    await untilChanged(registry, () => registry.get('a')?.generation === 2)
    expect(await textOf(registry, 'a')).toBe('two')
  })

  test.each(['native', 'poll'] as const)('notices changes by itself (%s)', async (watch) => {
    using folder = new WorkflowFolder({ 'a.ts': moduleSource(`'one'`) })
    await using registry = await openRegistry(folder, { watch, pollIntervalMs: 20 })
    folder.write('a.ts', moduleSource(`'two'`))
    await untilChanged(registry, () => registry.get('a')?.generation === 2)
    expect(await textOf(registry, 'a')).toBe('two')

    folder.write('new/deep/b.ts', moduleSource(`'b'`))
    await untilChanged(registry, () => registry.get('new/deep/b') !== undefined)
    folder.write('new/deep/b.ts', moduleSource(`'b again'`))
    await untilChanged(registry, () => registry.get('new/deep/b')?.generation === 2)
    folder.remove('new')
    await untilChanged(registry, () => registry.list().length === 1)
  })

  test('a listener that throws does not keep others from hearing', async () => {
    using folder = new WorkflowFolder({ 'a.ts': moduleSource(`'one'`) })
    await using registry = await openRegistry(folder)
    const heard: number[] = []
    registry.onChange(() => {
      throw new Error('from the listener')
    })
    registry.onChange(() => heard.push(registry.revision))
    folder.write('a.ts', moduleSource(`'two'`))
    await registry.reload()
    expect(heard).toEqual([registry.revision])
  })
})
