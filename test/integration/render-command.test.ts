import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { promptSchema } from '../../src/comfyui/wire/prompt.ts'
import { makePng } from '../support/make-image.ts'
import { moduleSource, WorkflowFolder } from '../support/workflow-folder.ts'

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const failureSchema = z.object({ code: z.number() })

/** Runs the program as a person would; there is no server, and nothing listens anywhere. */
async function render(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, 'render', ...args], (error, out, err) => {
      resolve({ code: error === null ? 0 : failureSchema.parse(error).code, out, err })
    })
  })
}

function makeFolder(files: Readonly<Record<string, string>>): WorkflowFolder {
  const folder = new WorkflowFolder(files)
  onTestFinished(() => folder[Symbol.dispose]())
  return folder
}

const picture = `import { z } from 'zod'
import { defineWorkflow, image } from 'comfyui-api'
export default defineWorkflow({
  RequestSchema: z.object({
    picture: image(),
    seed: z.int().default(() => Math.floor(Math.random() * 1e15)),
    size: z.object({ width: z.int().min(16) }).default({ width: 64 }),
    tags: z.array(z.string()).default([]),
  }),
  generateWorkflow: (input) => ({
    '1': { class_type: 'LoadImage', inputs: { image: input.picture } },
    '2': { class_type: 'Other', inputs: { seed: input.seed, width: input.size.width, tags: input.tags.join() } },
    '3': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
  }),
})
`

test('prints the graph of a workflow that is shipped', async () => {
  const { code, out, err } = await render('qwen/qwen_base_txt2img', '-p', 'prompt=a red fox', '-p', 'seed=42')
  expect([code, err]).toEqual([0, ''])
  const prompt = promptSchema.parse(JSON.parse(out))
  expect(prompt['6']).toMatchObject({ class_type: 'CLIPTextEncode', inputs: { text: 'a red fox' } })
  expect(prompt['3']?.inputs).toMatchObject({ seed: 42, steps: 20 })
})

test('prints the graph of a module anywhere, with what it imports, JSON and parameters of every kind', async () => {
  const folder = makeFolder({
    'deep/My Draft.ts': moduleSource('mark', "import { mark } from '../mark.ts'"),
    'mark.ts': "export const mark: string = 'from beside'",
    'broken.ts': 'export default {',
    'picture.ts': picture,
  })
  const draft = await render(folder.at('deep/My Draft.ts'), '--input', '{"prompt":"a"}', '-p', 'prompt=b')
  expect(draft).toMatchObject({ code: 0, err: '' })
  expect(promptSchema.parse(JSON.parse(draft.out))['1']?.inputs).toEqual({ text: 'from beside', prompt: 'b' })

  const bytes = makePng(8, 8)
  writeFileSync(folder.at('photo.png'), bytes)
  const texts = ['-p', 'size={"width":128}', '-p', 'tags=a', '-p', 'tags=b']
  const rendered = await render(
    'picture',
    '--workflows',
    folder.path,
    '-p',
    `picture=@${folder.at('photo.png')}`,
    ...texts,
  )
  expect(rendered).toMatchObject({ code: 0, err: '' })
  const prompt = promptSchema.parse(JSON.parse(rendered.out))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  expect(prompt['1']?.inputs).toEqual({ image: `comfyui-api/${sha256}.png` })
  expect(prompt['2']?.inputs).toMatchObject({ seed: expect.any(Number), width: 128, tags: 'a,b' })
})

test('says on stderr what is wrong, prints nothing, and fails', async () => {
  const folder = makeFolder({ 'broken.ts': 'export default {', 'picture.ts': picture })
  const failures = [
    [
      ['picture', '--workflows', folder.path, '-p', 'pictur=x'],
      ['unknown parameter "pictur"', 'picture is required'],
    ],
    [['picture', '--workflows', folder.path, '-p', `picture=@${folder.at('none.png')}`], ['none.png']],
    [['picture', '--workflows', folder.path, '-p', `picture=@${folder.at('broken.ts')}`], ['/picture']],
    [['picture', '--workflows', folder.path, '--input', '{"picture":'], ['The input is not valid JSON']],
    [['pictur', '--workflows', folder.path, '--no-shipped-workflows'], ['Did you mean picture?']],
    [[folder.at('broken.ts')], ['broken.ts:1']],
    [[folder.at('nothing.ts')], ['There is no file']],
  ] as const
  const results = await Promise.all(failures.map(([args]) => render(...args)))
  for (const [index, [, texts]] of failures.entries()) {
    const { code, out, err = '' } = results[index] ?? {}
    expect([code, out]).toEqual([1, ''])
    for (const text of texts) expect(err).toContain(text)
    expect(err).not.toContain('    at ')
  }
})
