import { cp, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { jobSchema } from '../../src/http/schemas/job.ts'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { pageUrl } from '../support/document-pages.ts'
import { readSteps } from '../support/read-document.ts'
import { DocumentReader } from '../support/run-document.ts'

const existingModules = fileURLToPath(new URL('../fixtures/existing-modules', import.meta.url))
const steps = readSteps(await readFile(pageUrl('README.md'), 'utf8'))
let comfyui: Simulator
let reader: DocumentReader

beforeAll(async () => {
  comfyui = await createSimulator()
  reader = await DocumentReader.begin({ replace: { 'http://host:8188': comfyui.url } })
  await cp(existingModules, reader.path('their-workflows'), { recursive: true })
})
afterAll(async () => {
  await reader.end()
  await comfyui.close()
})

async function sizeOf(picture: string | Buffer): Promise<readonly [width: number, height: number]> {
  const { width, height } = PNG.sync.read(typeof picture === 'string' ? await reader.read(picture) : picture)
  return [width, height]
}

async function textAt(path: string): Promise<string> {
  return (await fetch(`${reader.url}${path}`)).text()
}

/** What each command is good for, by its begin. Every command of the README begins like one of them. */
const effects: Readonly<Record<string, (answer: string) => void | Promise<void>>> = {
  'npm ci': async () => {
    expect(await readFile(pageUrl('package-lock.json'), 'utf8')).toContain('"name": "comfyui-api"')
  },
  'npm start -- --comfyui-url': async () => {
    expect(await textAt('/instances')).toContain(comfyui.url)
    expect(await textAt('/openapi.json')).not.toContain('SIMULATED')
  },
  'npm start -- --workflows': async () => {
    await vi.waitUntil(async () => (await textAt('/workflows')).includes('"drawn/lighthouse"'), { timeout: 30_000 })
  },
  'npm start': async () => {
    await vi.waitUntil(() => reader.said.join('').includes('SIMULATED'), { timeout: 30_000 })
    expect((await textAt('/health')).toLowerCase()).toContain('simulat')
    expect(await textAt('/openapi.json')).toContain('SIMULATED')
  },
  'WORKFLOW_DIR=': async () => {
    const served = await textAt('/workflows')
    for (const name of ['flux/txt2img', 'sdxl/styled', 'sd1.5/txt2img']) expect(served).toContain(`"${name}"`)
    expect(served).toContain('"problems":[]')
  },
  "curl -X POST localhost:3000/qwen/qwen_base_txt2img -H 'accept: image/png'": async () => {
    expect(await sizeOf('out.png')).toEqual([1024, 1536])
  },
  'curl -X POST localhost:3000/qwen/qwen_base_txt2img -d': async (answer) => {
    const result = resultSchema.parse(JSON.parse(answer))
    expect(result.status).toBe('succeeded')
    expect(await sizeOf(Buffer.from(result.images[0] ?? '', 'base64'))).toEqual([1024, 1536])
    expect(result.filenames).toHaveLength(1)
  },
  'curl -N -X POST': (answer) => {
    const events = [...answer.matchAll(/^event: (.*)$/gm)].map(([, name]) => name)
    expect(events).toContain('progress')
    expect(events.at(-1)).toBe('end')
    const [last = ''] = [...answer.matchAll(/^data: (.*)$/gm)].map(([, data]) => data).slice(-1)
    expect(jobSchema.parse(JSON.parse(last)).status).toBe('succeeded')
  },
  'curl -i -X POST': (answer) => {
    expect(answer).toMatch(/^HTTP\/1.1 202/)
    expect(answer).toMatch(/^location: \/jobs\/first\r$/im)
  },
  'curl localhost:3000/jobs/first': (answer) => {
    expect(jobSchema.parse(JSON.parse(answer)).status).toBe('succeeded')
  },
  'node bin/comfyui-api.js generate-workflow': async (answer) => {
    expect(answer).toContain('It is POST /drawn/lighthouse.')
    expect((await reader.read('my-workflows/drawn/lighthouse.ts')).toString()).toContain("'a lighthouse at dawn'")
  },
  'curl -X POST localhost:3000/drawn/lighthouse': async () => {
    expect(await sizeOf('noon.png')).toEqual([1024, 1536])
    expect(await reader.read('noon.png')).not.toEqual(await reader.read('out.png'))
  },
  'node bin/comfyui-api.js check': (answer) => {
    expect(answer).toContain('No problems in 1 workflow')
  },
  'curl -X POST localhost:3000/tools/enlarge': async () => {
    expect(await sizeOf('large.png')).toEqual([3072, 4608])
  },
  'node bin/comfyui-api.js render': async () => {
    expect((await reader.read('graph.json')).toString()).toContain('a red fox')
  },
  echo: () => {},
  'curl -X POST localhost:3000/prompt': async () => {
    expect(await sizeOf('fox.png')).toEqual([1024, 1536])
  },
}

describe('the README, word for word', () => {
  for (const step of steps) {
    if (step.kind === 'show') throw new Error(`line ${String(step.line)}: neither a file nor a command`)
    if (step.kind === 'write') {
      test(`line ${String(step.line)}: ${step.file}`, () => reader.write(step.file, step.content))
      continue
    }
    for (const command of step.commands) {
      test(command, async () => {
        const [, effect] = Object.entries(effects).find(([begin]) => command.startsWith(begin)) ?? []
        if (effect === undefined) throw new Error('nothing is known of what this command does')
        await effect(command === 'npm ci' ? '' : await reader.shell(command))
      })
    }
  }
})
