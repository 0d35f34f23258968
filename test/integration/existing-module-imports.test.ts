import { cpSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { WorkflowRegistry } from '../../src/workflows/served-workflow.ts'
import { moduleSource, openRegistry, textOf, WorkflowFolder } from '../support/workflow-folder.ts'

/** A module that shows what it got: `shown` is an expression. */
function showing(shown: string, imports = '', schema = 'z.object({})'): string {
  return `${imports}
export default {
  RequestSchema: ${schema},
  generateWorkflow: (input) => ({ '1': { class_type: 'Text', inputs: { text: ${shown} } } }),
}
`
}

const zod = `import { z } from 'zod'`
const config = `import config from '../config'`

async function shownWith(registry: WorkflowRegistry, name: string, body: object): Promise<unknown> {
  const workflow = registry.get(name)
  const prompt = await workflow?.build(workflow.parse(body), { uploads: new Set(), filenamePrefix: '' })
  return prompt?.['1']?.inputs['text']
}

/** Puts Zod 3, as npm would install it, into a folder. */
function installZod3(folder: WorkflowFolder): void {
  const build = fileURLToPath(new URL('../../node_modules/zod/v3', import.meta.url))
  cpSync(build, folder.at('node_modules/zod/v3'), { recursive: true })
  folder.write(
    'node_modules/zod/package.json',
    JSON.stringify({
      name: 'zod',
      version: '3.25.76',
      type: 'module',
      exports: { '.': { import: './v3/index.js', require: './v3/index.cjs' } },
    }),
  )
}

describe('which Zod a module gets', () => {
  test('Zod 4 as zod, and Zod 3 as zod/v3', async () => {
    using folder = new WorkflowFolder({
      'a.ts': showing(`typeof z.object({}).deepPartial`, zod),
      'b.ts': showing(`typeof z.object({}).deepPartial`, `import { z } from 'zod/v3'`),
      'c.ts': showing(`typeof z.object({}).deepPartial`, `import z from 'zod/v3'`),
    })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toEqual([])
    expect(await textOf(registry, 'a')).toBe('undefined')
    expect(await textOf(registry, 'b')).toBe('function')
    expect(await textOf(registry, 'c')).toBe('function')
  })

  test('its own Zod 3 where its folder has one, and config speaks the same', async () => {
    using folder = new WorkflowFolder({
      'a.ts': showing(
        `typeof z.object({}).deepPartial + ' ' + input.sampler_name`,
        `${zod}\n${config}`,
        `z.object({ sampler_name: config.samplers.default('euler'), lora: config.models.loras.enum.optional() })`,
      ),
      'b.js': `const { z } = require('zod')
const { default: config } = require('../config')
module.exports = {
  RequestSchema: z.object({ sampler_name: config.samplers.default('heun') }).refine(() => true),
  generateWorkflow: ({ sampler_name }) => ({ 1: { class_type: 'Text', inputs: { text: sampler_name } } }),
}`,
    })
    installZod3(folder)
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toEqual([])
    expect(registry.get('a')?.warnings).toEqual([])
    expect(await textOf(registry, 'a')).toBe('function euler')
    expect(await textOf(registry, 'b')).toBe('heun')
    expect(registry.get('a')?.inputJsonSchema).toMatchObject({
      properties: { sampler_name: { enum: expect.arrayContaining(['euler', 'uni_pc']), default: 'euler' } },
    })
    const workflow = registry.get('a')
    expect(() => workflow?.parse({ sampler: 'euler' })).toThrow('did you mean "sampler_name"?')
  })
})

describe('../config and ../types', () => {
  test('are those of the folder where it has such files', async () => {
    using folder = new WorkflowFolder({
      'family/a.ts': showing('word', `${zod}\nimport { word } from '../config'`),
      'config.ts': `export const word = 'mine'\nexport default {}`,
      'family/deep/b.ts': showing('isWorkflow', `${zod}\nimport { isWorkflow } from '../types'`),
      'family/types/index.ts': `export const isWorkflow = 'mine too'`,
    })
    await using registry = await openRegistry(folder)
    expect(await textOf(registry, 'family/a')).toBe('mine')
    expect(await textOf(registry, 'family/deep/b')).toBe('mine too')
  })

  test('are not the data that lies beside the folder', async () => {
    using folder = new WorkflowFolder({
      'family/a.ts': showing('typeof config.samplers.parse', `${zod}\n${config}`),
      'config.json': '{ "port": 3000 }',
    })
    await using registry = await openRegistry(folder)
    expect(await textOf(registry, 'family/a')).toBe('function')
  })

  test('hold every sampler of ComfyUI and no model, until instances tell theirs', async () => {
    using folder = new WorkflowFolder({
      'a.ts': showing(
        'JSON.stringify([config.models.checkpoints.all, config.models.loras.all, String(config.warmupCkpt), input])',
        `${zod}\n${config}`,
        `z.object({
          sampler_name: config.samplers.default('euler'),
          checkpoint: config.models.checkpoints.enum.optional().default(config.warmupCkpt || config.models.checkpoints.all[0]),
          lora: z.string().refine((name) => config.models.loras.all.includes(name)).optional(),
        })`,
      ),
    })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toEqual([])
    expect(registry.usesNames).toBe(true)
    const shown = async (body: object): Promise<unknown> => JSON.parse(String(await shownWith(registry, 'a', body)))
    expect(await shown({ checkpoint: 'a', lora: 'b' })).toEqual([
      [],
      [],
      'undefined',
      { sampler_name: 'euler', checkpoint: 'a', lora: 'b' },
    ])
    expect(registry.get('a')?.inputJsonSchema).not.toHaveProperty('required')
    expect(() => registry.get('a')?.parse({ sampler_name: 'res_2s' })).toThrow('must be one of')

    await registry.learnNames({
      samplers: ['euler', 'res_2s'],
      schedulers: ['normal'],
      models: new Map([
        ['checkpoints', ['sdxl.safetensors']],
        ['loras', ['sharp.safetensors']],
        ['vae', []],
      ]),
    })
    expect(registry.get('a')?.generation).toBe(2)
    expect(await shown({ sampler_name: 'res_2s' })).toEqual([
      ['sdxl.safetensors'],
      ['sharp.safetensors'],
      'undefined',
      { sampler_name: 'res_2s', checkpoint: 'sdxl.safetensors' },
    ])
    expect(() => registry.get('a')?.parse({ checkpoint: 'a' })).toThrow('must be "sdxl.safetensors"; got "a"')
    expect(() => registry.get('a')?.parse({ lora: 'b' })).toThrow('lora is not allowed; got "b"')
  })

  test('change only modules that import them', async () => {
    using folder = new WorkflowFolder({
      'a.ts': showing('config.models.vae.all.join()', `${zod}\n${config}`),
      'b.ts': showing('vae()', `${zod}\nimport { vae } from './_shared'`),
      '_shared.ts': `${config}\nexport const vae = () => config.models.vae.all.join()`,
      'c.ts': moduleSource(`'c'`),
      'd.js': `const config = require('../config').default
const { z } = require('zod')
module.exports = {
  RequestSchema: z.object({}),
  generateWorkflow: () => ({ 1: { class_type: 'Text', inputs: { text: config.models.vae.all.join() } } }),
}`,
    })
    await using registry = await openRegistry(folder)
    for (const [index, vae] of ['one', 'two', 'two'].entries()) {
      await registry.learnNames({ samplers: ['euler'], schedulers: ['normal'], models: new Map([['vae', [vae]]]) })
      for (const name of ['a', 'b', 'd']) expect(await textOf(registry, name)).toBe(vae)
      expect(registry.list().map(({ generation }) => generation)).toEqual(index === 0 ? [2, 2, 1, 2] : [3, 3, 1, 3])
    }
  })

  test('are not asked for by folders without such modules', async () => {
    using folder = new WorkflowFolder({ 'a.ts': moduleSource(`'a'`) })
    await using registry = await openRegistry(folder)
    expect(registry.usesNames).toBe(false)
  })
})

describe('how a module may be written, whatever the package.json above says', () => {
  const builder = `RequestSchema: z.object({}), generateWorkflow: () => ({ 1: { class_type: 'Text', inputs: { text: 'ran' } } })`
  const forms: Readonly<Record<string, string>> = {
    'exports.js': `const { z } = require('zod')\nexports.default = { ${builder} }`,
    'module-exports.js': `const { z } = require('zod')\nmodule.exports = { ${builder} }`,
    'esm.js': `${zod}\nexport default { ${builder} }`,
    'equals.ts': `import zod = require('zod')\nconst z = zod.z\nexport = { ${builder} }`,
    'commonjs.ts': `const { z } = require('zod')\nenum A { B = 'b' }\nmodule.exports = { ${builder} } as any`,
    'minified.mjs': `import{z}from'zod';export default{${builder}}`,
  }

  test.each(['module', 'commonjs', undefined])('"type": %j', async (type) => {
    using folder = new WorkflowFolder({ ...forms, 'package.json': JSON.stringify({ type }) })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toEqual([])
    for (const { name } of registry.list()) expect([name, await textOf(registry, name)]).toEqual([name, 'ran'])
    expect(registry.list()).toHaveLength(Object.keys(forms).length)
    folder.write('module-exports.js', forms['module-exports.js']?.replace('ran', 'again') ?? '')
    folder.write('commonjs.ts', forms['commonjs.ts']?.replace('ran', 'again') ?? '')
    await registry.reload()
    expect(await textOf(registry, 'module-exports')).toBe('again')
    expect(await textOf(registry, 'commonjs')).toBe('again')
  })
})

describe('what cannot be loaded says what to change', () => {
  const broken: readonly (readonly [string, string, object])[] = [
    [
      'what only Zod 3 has',
      showing(`''`, zod, `\n  z.object({ a: z.string() }).deepPartial()`),
      { line: 4, reason: expect.stringContaining(`has no deepPartial; write import { z } from 'zod/v3'`) },
    ],
    [
      'a field of Zod 3 in an object of Zod 4',
      showing(`''`, `${zod}\nimport { z as z3 } from 'zod/v3'`, `z.object({ a: z3.string() })`),
      { reason: expect.stringContaining(`schemas of Zod 3 and of Zod 4 do not mix`) },
    ],
    [
      'another file of Salad’s comfyui-api',
      showing(`''`, `${zod}\nimport { sleep } from '../utils'\nvoid sleep`),
      { line: 2, reason: expect.stringContaining('there are "../config" and "../types" here') },
    ],
    [
      'a workflow that is a function',
      `export default () => ({})`,
      { reason: 'the default export is no object with RequestSchema and generateWorkflow' },
    ],
    [
      'parameters of Zod 3 that are no object',
      showing(`''`, `import { z } from 'zod/v3'`, 'z.string()'),
      { reason: 'RequestSchema must describe an object of parameters' },
    ],
  ]

  test.each(broken)('%s', async (_title, source, problem) => {
    using folder = new WorkflowFolder({ 'a.ts': source })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toMatchObject([{ file: 'a.ts', ...problem }])
  })

  test('an enum without members breaks nothing', async () => {
    using folder = new WorkflowFolder({
      'a.ts': showing(`'ran'`, zod, `z.object({ model: z.enum([]).optional() })`),
      'b.ts': showing(`'ran'`, `import { z } from 'zod/v3'`, `z.object({ model: z.enum([]).optional() })`),
    })
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toEqual([])
    expect(await textOf(registry, 'a')).toBe('ran')
    expect(await textOf(registry, 'b')).toBe('ran')
    expect(() => registry.get('b')?.parse({ model: 'x' })).toThrow()
  })
})
