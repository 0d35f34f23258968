import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { isRecord } from '../../src/lib/json-record.ts'
import { openWorkflows } from '../../src/workflows/open-workflows.ts'
import {
  startChatCompletions,
  type ChatCompletions,
  type CompletionAnswer,
} from '../support/chat-completions-server.ts'
import { nativeImport } from '../support/native-import.ts'
import { WorkflowFolder } from '../support/workflow-folder.ts'

const program = fileURLToPath(new URL('../../bin/comfyui-api.js', import.meta.url))
const failureSchema = z.object({ code: z.number() })
const apiKey = 'sk-or-v1-nobody-may-see-this'

/** A text for people to read in a secret place. */
const password = 'hf_abcdefghijklmnopqrstuvwxyz'
const prompt = {
  '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'a.safetensors' } },
  '2': { class_type: 'CLIPTextEncode', inputs: { text: `a fox, ${password}`, clip: ['1', 1] } },
  '3': { class_type: 'LoadImage', inputs: { image: 'private-holiday.png' } },
  '4': {
    class_type: 'ImageScale',
    inputs: { image: ['3', 0], upscale_method: 'area', width: 512, height: 512, crop: 'center' },
    _meta: { title: 'Fit' },
  },
  '5': { class_type: 'VAEEncode', inputs: { pixels: ['4', 0], vae: ['1', 2] } },
  '6': {
    class_type: 'KSampler',
    inputs: {
      ...{ model: ['1', 0], positive: ['2', 0], negative: ['2', 0], latent_image: ['5', 0] },
      ...{ seed: 7, steps: 20, cfg: 7, sampler_name: 'euler', scheduler: 'normal', denoise: 0.5 },
    },
  },
  '7': { class_type: 'VAEDecode', inputs: { samples: ['6', 0], vae: ['1', 2] } },
  '8': { class_type: 'SaveImage', inputs: { images: ['7', 0], filename_prefix: 'x' } },
}
const ruled = [
  ...['image', 'prompt', 'width', 'height', 'steps', 'cfg', 'sampler_name', 'scheduler', 'denoise', 'seed'],
  'checkpoint',
]

const renamed = (name: string, newName: string, description = '') => ({ name, new_name: newName, description })
const proposal = (more: object = {}) => ({
  summary: 'Redraw a picture',
  description: '',
  parameters: [],
  expose: [],
  hide: [],
  ...more,
})
const good = proposal({
  parameters: [renamed('denoise', 'strength', 'How much of the picture changes, from 0 to 1')],
  expose: [{ input: '4.crop', name: 'crop', description: 'Which part of the picture stays' }],
  hide: ['scheduler'],
})

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** The text of the module that was written; undefined where there is none. */
  readonly module: string | undefined
  readonly folder: WorkflowFolder
}

/** Runs the command as a person would, and sees that the key is nowhere. */
async function generate(url: string, args: readonly string[] = [], more: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const folder = new WorkflowFolder({ 'flow.json': JSON.stringify(prompt) })
  onTestFinished(() => folder[Symbol.dispose]())
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...{ COMFYUI_URL: '', WORKFLOW_DIR: '', OPENROUTER_API_KEY: apiKey, COMFYUI_API_LLM_BASE_URL: url },
    ...more,
  }
  const command = ['generate-workflow', 'flow.json', 'mine/redraw.ts', ...args]
  const ran = await new Promise<Pick<Ran, 'code' | 'out' | 'err'>>((resolve) => {
    execFile(process.execPath, [program, ...command], { env, cwd: folder.path }, (error, out, err) =>
      resolve({ code: error === null ? 0 : failureSchema.parse(error).code, out, err }),
    )
  })
  const files = readdirSync(folder.path, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  for (const text of [ran.out, ran.err, ...files.map((file) => readFileSync(file, 'utf8'))]) {
    expect(text).not.toContain(apiKey)
  }
  const path = folder.at(join('mine', 'redraw.ts'))
  return { ...ran, module: files.includes(path) ? readFileSync(path, 'utf8') : undefined, folder }
}

async function serviceOf(...answers: readonly CompletionAnswer[]): Promise<ChatCompletions> {
  const service = await startChatCompletions(...answers)
  onTestFinished(() => service.close())
  return service
}

/** Names of the parameters of what was written, which gives the graph again. */
async function parametersOf({ folder }: Ran): Promise<readonly string[]> {
  const path = folder.at(join('mine', 'redraw.ts'))
  const opened = await openWorkflows({ folder: folder.at('mine'), files: [path] }, { importModule: nativeImport })
  try {
    const [workflow] = opened.workflows()
    const input = workflow?.parse({ image: 'private-holiday.png', seed: 7 })
    if (workflow === undefined || !isRecord(input)) throw new Error(JSON.stringify(opened.problems()))
    expect(await workflow.generate(input)).toEqual(prompt)
    return Object.keys(input)
  } finally {
    await opened.close()
  }
}

describe('generate-workflow with a language model', () => {
  test('writes its names and words, verified, and says who was asked and what it cost', async () => {
    const service = await serviceOf({ says: good })
    const ran = await generate(service.url, ['--llm-model', 'maker/small'])
    expect(ran).toMatchObject({ code: 0 })
    expect(ran.err).toBe(
      'asking maker/small…\nmaker/small was asked: 1 request, 1200 tokens in, 34 tokens out, $0.0015.\n',
    )
    expect((await parametersOf(ran)).toSorted()).toEqual(
      ruled
        .filter((name) => name !== 'scheduler' && name !== 'denoise')
        .concat('strength', 'crop')
        .toSorted(),
    )
    expect(ran.module).toContain("summary: 'Redraw a picture'")
    expect(ran.module).toContain(".describe('How much of the picture changes, from 0 to 1')")
    expect(service.seen).toHaveLength(1)
  })

  test('tells it the graph, but no media, no names of their files and no keys', async () => {
    const service = await serviceOf({ says: good })
    await generate(service.url)
    const [seen] = service.seen
    const sent = JSON.stringify(seen?.body)
    for (const told of ['a fox, ***', 'KSampler', 'Fit', '4.crop', 'negative_prompt']) expect(sent).toContain(told)
    for (const kept of ['private-holiday', password, apiKey, '{{']) expect(sent).not.toContain(kept)
    expect(seen?.headers.authorization).toBe(`Bearer ${apiKey}`)
  })

  test.each<[string, CompletionAnswer]>([
    ['in a fence', { says: `Here it is:\n\`\`\`json\n${JSON.stringify(good)}\n\`\`\`\nDone.` }],
    ['among words', { says: `Sure! ${JSON.stringify(good)} I hope that this helps.` }],
  ])('takes an answer %s', async (_, answer) => {
    const ran = await generate((await serviceOf(answer)).url)
    expect(ran.code).toBe(0)
    expect(await parametersOf(ran)).toContain('strength')
  })

  test('keeps the names of parameters that it leaves out', async () => {
    const ran = await generate((await serviceOf({ says: proposal() })).url)
    expect(ran.code).toBe(0)
    expect((await parametersOf(ran)).toSorted()).toEqual(ruled.toSorted())
    expect(ran.module).toContain("summary: 'Redraw a picture'")
  })

  test('writes whatever text it says as a text', async () => {
    const odd = 'It\'s "a" `text` with ${process.exit(3)} and */ \\ in\nlines'
    const said = proposal({ summary: odd, description: odd, parameters: [renamed('cfg', 'cfg', odd)] })
    const ran = await generate((await serviceOf({ says: said })).url)
    expect(ran.code).toBe(0)
    expect((await parametersOf(ran)).toSorted()).toEqual(ruled.toSorted())
    expect(ran.module).toContain('*/')
  })

  test.each<[string, unknown, RegExp]>([
    ['that is no JSON', '{"summary": "Redraw', /The answer is no JSON\./],
    ['that does not follow the form', { parameters: 'none' }, /summary: Invalid input/],
    [
      'with two parameters renamed alike',
      proposal({ parameters: [renamed('cfg', 'value'), renamed('steps', 'value')] }),
      /Two parameters would be called value\./,
    ],
    ['with an invented parameter', proposal({ parameters: [renamed('zoom', 'zoom')] }), /there is no parameter .*zoom/],
  ])('has an answer %s repaired', async (_, wrong, problem) => {
    const service = await serviceOf({ says: wrong }, { says: good })
    const ran = await generate(service.url)
    expect(ran.code).toBe(0)
    expect(ran.err).toContain('\nrepairing 1 of 2…\n')
    expect(ran.err).toContain('2 requests, 2400 tokens in, 68 tokens out, $0.0030.')
    expect(await parametersOf(ran)).toContain('strength')
    const [first, second] = service.seen.map(({ body }) => body.messages)
    expect(first).toHaveLength(1)
    expect(second?.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
    expect(second?.at(-1)?.content).toMatch(problem)
  })

  test('gives up after two repairs, and writes what the rules say', async () => {
    const service = await serviceOf({ says: proposal({ parameters: [renamed('cfg', 'steps')] }) })
    const ran = await generate(service.url)
    expect(ran.code).toBe(0)
    expect(ran.err).toMatch(
      /repairing 2 of 2…\n.* 3 requests, .*\nwarning: What .* proposed cannot be used: Two parameters would be called steps\. Names and descriptions are those of the rules\.\n$/,
    )
    expect((await parametersOf(ran)).toSorted()).toEqual(ruled.toSorted())
    expect(service.seen).toHaveLength(3)
  })

  test.each<[string, CompletionAnswer, number, RegExp]>([
    ['is busy', { status: 429, headers: { 'retry-after': '0' } }, 3, /takes no more requests for now \(429\)/],
    ['fails', { status: 500, headers: { 'retry-after': '0' }, body: apiKey }, 3, /answers 500/],
    [
      'does not take the key',
      { status: 401, body: `{"error":{"message":"bad ${apiKey}"}}` },
      1,
      /\(401\).* bad \*\*\*/,
    ],
    ['sends elsewhere', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 1, /redirect \(302\)/],
    ['says too much', 'huge', 1, /more than 1048576 bytes/],
    ['hangs up', 'hang up', 1, /cannot be reached/],
  ])('writes what the rules say where the service %s', async (_, answer, requests, reason) => {
    const service = await serviceOf(answer)
    const ran = await generate(service.url)
    expect(ran.code).toBe(0)
    expect(ran.err).toMatch(reason)
    expect(ran.err).toMatch(/Names and descriptions are those of the rules\.\n$/)
    expect((await parametersOf(ran)).toSorted()).toEqual(ruled.toSorted())
    expect(service.seen).toHaveLength(requests)
  })

  test('writes what the rules say where nobody listens', async () => {
    const service = await startChatCompletions()
    await service.close()
    const ran = await generate(service.url)
    expect(ran.code).toBe(0)
    expect(ran.err).toMatch(/ was asked: 1 request\.\nwarning: .*ECONNREFUSED/)
    expect(ran.module).toBeDefined()
  })

  test('asks nothing with --no-llm, without a key, and of what is wrong anyway', async () => {
    const service = await serviceOf({ says: good })
    const runs = [
      await generate(service.url, ['--no-llm']),
      await generate(service.url, [], { COMFYUI_API_LLM: 'off' }),
      await generate(service.url, [], { OPENROUTER_API_KEY: '' }),
    ]
    for (const { code, err, module } of runs) expect([code, err, module]).toEqual([0, '', runs[0]?.module])
    expect((await generate(service.url, ['--hide', 'zoom'])).code).toBe(2)
    expect(service.seen).toEqual([])
  })

  test('does not begin with an address that is not encrypted', async () => {
    const ran = await generate('http://llm.example/v1')
    expect(ran).toMatchObject({ code: 2, out: '', module: undefined })
    expect(ran.err).toContain('COMFYUI_API_LLM_BASE_URL must be an https:// address')
  })

  test('leaves alone what was asked for on the command line', async () => {
    const wrong = proposal({
      summary: 'Another',
      parameters: [renamed('closeness', 'value')],
      expose: [{ input: '6.steps', name: 'steps', description: '' }],
      hide: ['closeness'],
    })
    const service = await serviceOf({ says: wrong }, { says: proposal({ summary: 'Another' }) })
    const ran = await generate(service.url, [
      ...['--expose', '6.cfg=closeness', '--hide', 'steps', '--summary', 'Mine', '--json'],
    ])
    expect(ran.code).toBe(0)
    const correction = service.seen[1]?.body.messages.at(-1)?.content ?? ''
    for (const problem of ['closeness must keep its name', 'closeness must stay', '"6.steps\\" is no input'])
      expect(JSON.stringify(correction)).toContain(problem)
    const names = await parametersOf(ran)
    expect(names).toContain('closeness')
    expect(names).not.toContain('steps')
    expect(ran.module).toContain("summary: 'Mine'")
    expect(JSON.parse(ran.out)).toMatchObject({ languageModel: { requests: 2, cost: 0.003 } })
  })
})
