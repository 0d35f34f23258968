import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type NodeCatalogue, readNodeCatalogue, withDefinitions } from '../../src/comfyui/wire/node-catalogue.ts'
import { createWorkflowReadiness, type WorkflowReadiness } from '../../src/readiness/workflow-readiness.ts'
import type { LoadingRegistry } from '../../src/workflows/workflow-registry.ts'
import { openRegistry, untilChanged, WorkflowFolder } from '../support/workflow-folder.ts'

const loader = (...files: string[]) => ({
  VAELoader: { input: { required: { vae_name: [files] } }, output: ['VAE'], output_node: false },
})
const all = (...files: string[]) => ({
  ...loader(...files),
  Show: { input: { required: { vae: ['VAE'] } }, output: [], output_node: true },
})
const read = (...files: string[]) => readNodeCatalogue(all(...files), { source: 'a test', comfyuiVersion: '0.33.0' })

const source = (file: string) => `import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'
export default defineWorkflow({
  RequestSchema: z.object({}),
  generateWorkflow: () => ({
    '1': { class_type: 'VAELoader', inputs: { vae_name: '${file}' } },
    '2': { class_type: 'Show', inputs: { vae: ['1', 0] } },
  }),
})
`
const simple = `import { z } from 'zod'
export default {
  RequestSchema: z.object({}),
  generateWorkflow: () => ({ '2': { class_type: 'Show', inputs: { vae: null } } }),
}
`

let folder: WorkflowFolder
let registry: LoadingRegistry & AsyncDisposable
let readiness: WorkflowReadiness
let catalogues: (NodeCatalogue | undefined)[]
let lines: { message: string; facts: Record<string, unknown> }[]
beforeEach(async () => {
  folder = new WorkflowFolder({ 'a/one.ts': source('a.safetensors'), 'a/two.ts': source('b.safetensors') })
  registry = await openRegistry(folder)
  catalogues = [read('a.safetensors')]
  lines = []
  const log = (facts: object, message: string) => void lines.push({ message, facts: { ...facts } })
  readiness = createWorkflowReadiness({
    registry,
    instances: () =>
      catalogues.map((catalogue, index) => ({ id: `gpu-${index}`, state: 'ready', catalogue, isFirstRead: false })),
    logger: { info: log, warn: log, error: log },
  })
  await readiness.whenChecked()
})
afterEach(async () => {
  readiness.close()
  await registry[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const isReady = () => registry.list().map(({ name }) => [name, readiness.of(name)?.isReady])
const canRun = (name: string) => readiness.of(name)?.instances.map((instance) => instance.canRun)
const checksOf = (name: string) => readiness.of(name)?.checks.map(({ check }) => check)

async function change(file: string, content: string): Promise<void> {
  const generation = registry.get('a/two')?.generation
  folder.write(file, content)
  void registry.reload()
  await untilChanged(registry, () => registry.get('a/two')?.generation !== generation)
  await readiness.whenChecked()
}

describe('a module that changes', () => {
  test('is checked again, and no other', async () => {
    expect(isReady()).toEqual([
      ['a/one', true],
      ['a/two', false],
    ])
    const [other] = checksOf('a/one') ?? []
    await change('a/two.ts', source('a.safetensors'))
    expect(isReady()).toEqual([
      ['a/one', true],
      ['a/two', true],
    ])
    expect(checksOf('a/one')?.[0]).toBe(other)
  })

  test('is unknown until it is checked', async () => {
    folder.write('a/two.ts', source('a.safetensors'))
    await registry.reload()
    expect(readiness.of('a/two')).toMatchObject({ isReady: undefined, checks: [] })
    await readiness.whenKnown('a/two')
    expect(readiness.of('a/two')?.isReady).toBe(true)
  })

  test('and is gone is forgotten', async () => {
    folder.remove('a/two.ts')
    await registry.reload()
    await readiness.whenChecked()
    expect(readiness.of('a/two')).toBeUndefined()
    expect(readiness.counts()).toEqual({ ready: 1, notReady: 0, unknown: 0 })
    expect(readiness.whyNotReady(['a/one', 'a/twoo'])).toBe('There is no workflow a/twoo.')
  })
})

describe('an instance that tells something else', () => {
  test('is checked with all workflows, but for those that what is new does not concern', async () => {
    folder.write('a/simple.mjs', simple)
    await registry.reload()
    await readiness.whenChecked()
    const [unconcerned] = checksOf('a/simple') ?? []
    const [before] = catalogues
    if (before === undefined) throw new Error('there was one')
    catalogues = [withDefinitions(before, loader('a.safetensors', 'b.safetensors'))]
    expect(readiness.of('a/two')?.isReady).toBeUndefined()
    readiness.refresh()
    await readiness.whenChecked()
    expect(canRun('a/two')).toEqual([true])
    expect(checksOf('a/simple')?.[0]).toBe(unconcerned)
    expect(unconcerned).toBeDefined()
  })

  test('is one of several, of which each has its own verdict', async () => {
    catalogues = [...catalogues, read('b.safetensors'), undefined]
    readiness.refresh()
    await readiness.whenChecked()
    expect(canRun('a/one')).toEqual([true, false, undefined])
    expect(canRun('a/two')).toEqual([false, true, undefined])
    expect(readiness.counts()).toEqual({ ready: 2, notReady: 0, unknown: 0 })
    expect(readiness.whyNotReady(['a/one', 'a/two'])).toBeUndefined()
  })
})

describe('the log', () => {
  const errors = () => lines.filter(({ message }) => message === 'workflow has errors')

  test('has a line for each workflow with errors and one for all, and no line twice', async () => {
    expect(errors().map(({ facts }) => [facts['workflow'], facts['file']])).toEqual([['a/two', 'a/two.ts']])
    expect(JSON.stringify(errors()[0]?.facts['first'])).toContain('b.safetensors')
    const summary = {
      message: 'workflows checked',
      facts: { workflows: 2, ready: 1, notReady: 1, unknown: 0, withErrors: 1 },
    }
    expect(lines.at(-1)).toEqual(summary)
    const before = lines.length
    catalogues = [read('a.safetensors')]
    readiness.refresh()
    await readiness.whenChecked()
    expect(lines.length).toBe(before)
    catalogues = [read('a.safetensors', 'b.safetensors')]
    readiness.refresh()
    await readiness.whenChecked()
    expect(lines.slice(before).map(({ message }) => message)).toEqual([
      'workflow has no errors any more',
      'workflows checked',
    ])
  })
})
