import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createClient } from '../support/call-gateway.ts'
import { pngChunk } from '../support/make-image.ts'
import { ProgramHome, startProgram, type RunningProgram } from '../support/program.ts'
import { WorkflowFolder } from '../support/workflow-folder.ts'

/** A module that draws a picture of one colour, which `color` gives as code. */
const draws = (color: string, before = '') => `${before}
import { z } from 'zod'
export default {
  RequestSchema: z.object({ size: z.number().int().min(16).max(512).default(32) }),
  generateWorkflow: (input) => ({
    '1': { class_type: 'EmptyImage', inputs: { width: input.size, height: input.size, batch_size: 1, color: ${color} } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
  }),
}
`
const graph = {
  '1': { class_type: 'EmptyImage', inputs: { width: 48, height: 48, batch_size: 1, color: 255 } },
  '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
}

function pngWithGraph(): Buffer {
  const header = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0])
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    pngChunk('tEXt', Buffer.from(`prompt\0${JSON.stringify(graph)}`, 'latin1')),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

const home = new ProgramHome()
const folder = new WorkflowFolder({
  'kinds/typed.ts': `import { z } from 'zod'
import { defineWorkflow, type WorkflowGraph } from 'comfyui-api'
import { Shade, Tint } from './lib/shades'
import table from './lib/table.json' with { type: 'json' }

enum Size { Small = 16, Large = 64 }
const shade: Shade = await Promise.resolve(table.shade)

export default defineWorkflow({
  summary: 'Types, enums, JSON and an await',
  RequestSchema: z.object({ size: z.number().int().default(Size.Large) }),
  generateWorkflow: (input): WorkflowGraph => ({
    '1': { class_type: 'EmptyImage', inputs: { width: input.size, height: input.size, batch_size: 1, color: shade + Tint.Dark } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
  }),
})
`,
  'kinds/lib/shades.ts': 'export type Shade = number\nexport enum Tint { Dark = 1 }\n',
  'kinds/lib/table.json': '{"shade": 255}',
  'kinds/module.mts': draws('1'),
  'kinds/script.mjs': draws('colors.red', "import colors from './lib/colors.js'"),
  'kinds/lib/colors.ts': 'export default { red: 0xff0000 }\n',
  'kinds/plain.js': draws('3'),
  'kinds/old.js': `const { z } = require('zod')
module.exports = {
  RequestSchema: z.object({ size: z.number().default(32) }),
  generateWorkflow: (input) => (${JSON.stringify(graph)}),
}
`,
  'kinds/third.ts': draws(
    "'ZodString,ZodError'.indexOf(`${old.string().constructor.name},${old.ZodError.name}`)",
    "import { z as old } from 'zod/v3'",
  ),
  'kinds/reader.ts': draws(
    'JSON.parse(fs.readFileSync(fs.realpathSync.native(table), "utf8")).shade',
    "import fs from 'node:fs'\nconst table = new URL('./lib/table.json', import.meta.url).pathname",
  ),
  'kinds/exported.json': JSON.stringify(graph),
  'broken/brace.ts': "import { z } from 'zod'\n\nconst open = {\n  a: 1,,\n}\n",
  'broken/throws.ts': "interface Unused {\n  a: string\n}\n\nthrow new Error('not today')\n",
  'changing.ts': draws('5'),
})

let program: RunningProgram
const client = createClient(() => program.url)
const listSchema = z.object({
  data: z.array(z.looseObject({ name: z.string(), generation: z.number() })),
  problems: z.array(z.looseObject({ file: z.string(), reason: z.string(), line: z.number().nullish() })),
})
const list = async () => listSchema.parse(await (await fetch(`${program.url}/workflows`)).json())

beforeAll(async () => {
  writeFileSync(folder.at('kinds/picture.png'), pngWithGraph())
  const env = { COMFYUI_API_DEMO_STEP_MS: '0' }
  program = await startProgram(['serve', '--demo', '--no-shipped-workflows', '--workflows', folder.path], { home, env })
})
afterAll(async () => {
  await program[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
  home[Symbol.dispose]()
})

describe('modules outside of the program', () => {
  test.each(['typed', 'module', 'script', 'plain', 'old', 'third', 'reader', 'exported', 'picture'])(
    'kinds/%s draws',
    async (name) => {
      const result = await client.run(`/kinds/${name}`, {})
      expect(result.outputs).toMatchObject([{ content_type: 'image/png' }])
    },
  )

  test('are checked by the Zod that they import', async () => {
    const answer = await client.post('/kinds/module', { size: 5 })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ errors: [{ pointer: expect.stringContaining('size') }] })
  })

  test.each([
    ['broken/brace.ts', 4],
    ['broken/throws.ts', 5],
  ])('%s is told with its line', async (file, line) => {
    const { problems } = await list()
    expect(problems.find((problem) => problem.file === file)).toMatchObject({ line })
  })

  test('are loaded again when they change', async () => {
    const generation = async () => (await list()).data.find(({ name }) => name === 'changing')?.generation
    expect(await generation()).toBe(1)
    folder.write('changing.ts', draws('6'))
    await expect.poll(generation, { timeout: 60_000 }).toBe(2)
    folder.write('new_one.ts', draws('7'))
    await expect.poll(async () => (await list()).data.map(({ name }) => name), { timeout: 60_000 }).toContain('new_one')
  })
})
