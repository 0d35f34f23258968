import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { typeSources } from '../../config/package-info.ts'
import { initCommand } from './init.ts'

let root: string
let folder: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'init-'))
  folder = join(root, 'my workflows')
})
afterEach(() => {
  rmSync(root, { recursive: true })
})

async function init(...args: string[]): Promise<{ out: string; err: string; exitCode: number | undefined }> {
  const out: string[] = []
  const err: string[] = []
  let exitCode: number | undefined
  const command = initCommand({
    terminal: { print: (text) => void out.push(text), printError: (text) => void err.push(text) },
    typeSources,
    exit: (code) => {
      exitCode = code
    },
  })
  await command.parseAsync([folder, ...args], { from: 'user' })
  return { out: out.join('\n'), err: err.join('\n'), exitCode }
}

function write(name: string, content: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), content)
}

/** What `tsc -p` says of the folder, with nothing but what is in it. */
function complaints(): readonly string[] {
  const config = ts.readJsonConfigFile(join(folder, 'tsconfig.json'), ts.sys.readFile)
  const { fileNames, options, errors } = ts.parseJsonSourceFileConfigFileContent(config, ts.sys, folder)
  const program = ts.createProgram(fileNames, options)
  return [...errors, ...ts.getPreEmitDiagnostics(program)].map(({ file, start, messageText }) => {
    const line = file === undefined ? 0 : ts.getLineAndCharacterOfPosition(file, start ?? 0).line + 1
    const name = file?.fileName.slice(folder.length + 1) ?? ''
    return `${name}:${String(line)} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
  })
}

const workflow = (field: string) => `import { z } from 'zod'
import { defineWorkflow, image } from 'comfyui-api'

export default defineWorkflow({
  RequestSchema: z.object({ picture: image(), scale: z.number().default(2) }),
  generateWorkflow: (input) => ({
    '1': { class_type: 'LoadImage', inputs: { image: input.picture } },
    '2': { class_type: 'ImageScaleBy', inputs: { image: ['1', 0], upscale_method: 'area', scale_by: input.${field} } },
    '3': { class_type: 'SaveImage', inputs: { images: ['2', 0] } },
  }),
})
`

describe('a new folder', () => {
  test('gets settings, types and an example, and all of it compiles', async () => {
    const { out, err, exitCode } = await init()
    expect([err, exitCode]).toEqual(['', undefined])
    expect(out).toContain('tsconfig.json  written')
    expect(out).toContain('solid_color.ts  written')
    expect(out).toContain(`comfyui-api serve --demo --workflows "${folder}"\n`)
    expect(out).toContain(`tsc -p "${folder}"`)
    expect(complaints()).toEqual([])
  })

  test('tells mistakes from what is right, in modules of every kind', async () => {
    write('tools/right.ts', workflow('scale'))
    write('tools/wrong.ts', workflow('scael'))
    write(
      'old/a.ts',
      `import { z } from 'zod/v3'
import { ComfyPrompt, Workflow } from '../types'
import config from '../config'
const RequestSchema = z.object({ sampler: config.samplers.optional(), name: z.string().default('a') })
function generateWorkflow(input: z.infer<typeof RequestSchema>): ComfyPrompt {
  return { '1': { class_type: 'A', inputs: { name: input.name.trim(), all: config.models.loras?.all } } }
}
const workflow: Workflow = { RequestSchema, generateWorkflow }
export default workflow
`,
    )
    write('old/b.ts', `import { z } from 'zod/v3'\nexport const a: number = z.string().parse('')\n`)
    await init()
    expect(complaints().toSorted()).toEqual([
      expect.stringMatching(/^old\/b\.ts:2 Type 'string' is not assignable/),
      expect.stringMatching(/^tools\/wrong\.ts:8 Property 'scael' does not exist/),
    ])
  })
})

describe('a folder with files', () => {
  test('gets no example when it holds a workflow', async () => {
    write('mine/a.ts', workflow('scale'))
    const { out } = await init()
    expect(out).not.toContain('solid_color')
    expect(readdirSync(folder).toSorted()).toEqual(['.comfyui-api', 'mine', 'tsconfig.json'])
  })

  test('keeps them, and says so; with --force they are new', async () => {
    write('tsconfig.json', '{}')
    write('.comfyui-api/types/zod/index.d.ts', 'export {}')
    const { out } = await init()
    expect(out).toContain('tsconfig.json  kept (--force renews it)')
    expect(out).toContain('types/  kept (--force renews it)')
    expect(readFileSync(join(folder, 'tsconfig.json'), 'utf8')).toBe('{}')

    expect((await init('--force')).out).toContain('tsconfig.json  written')
    expect(readFileSync(join(folder, 'tsconfig.json'), 'utf8')).toContain('"comfyui-api"')
    expect((await init()).out).toContain('tsconfig.json  up to date')
  })

  test('that cannot be written to is told in one line', async () => {
    writeFileSync(folder, 'a file')
    const { out, err, exitCode } = await init()
    expect([out, exitCode]).toEqual(['', 1])
    expect(err).toMatch(/cannot be prepared\. .*(ENOTDIR|EEXIST)/)
  })
})
