import { appendFileSync, truncateSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import type { NodeLookup } from '../../src/comfyui/wire/object-info.ts'
import { editorFile } from '../support/editor-file.ts'
import { pngOf, pngText } from '../support/make-media.ts'
import { moduleSource, openRegistry, untilChanged, WorkflowFolder } from '../support/workflow-folder.ts'

const prompt = (width: number) => ({
  '1': { class_type: 'EmptyImage', inputs: { width, height: 64, batch_size: 1, color: 255 } },
  '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
})
/** The same as the editor saves it. */
const editor = (width: number, type = 'EmptyImage') =>
  editorFile([
    { id: 1, type, values: [width, 64, 1, 255], outputs: ['IMAGE'], properties: { cnr_id: 'some-pack' } },
    { id: 2, type: 'SaveImage', values: ['x'], inputs: { images: [1, 0] } },
  ])
const json = JSON.stringify

const parametersSchema = z.looseObject({ properties: z.record(z.string(), z.looseObject({ default: z.unknown() })) })
type Registry = Awaited<ReturnType<typeof openRegistry>>

/** The default of `width`, which is what the file says. */
function widthOf(registry: Registry, name: string): unknown {
  const workflow = registry.get(name)
  return workflow && parametersSchema.parse(workflow.inputJsonSchema).properties['width']?.default
}

describe('an export in a workflow folder', () => {
  test('is served in every form in which it is saved', async () => {
    using folder = new WorkflowFolder({
      'plain.json': json(prompt(72)),
      'wrapped.json': json({ prompt: prompt(80) }),
      'family/sd1.5.ui.json': json(editor(88)),
      'both.json': json({ prompt: prompt(96), extra_data: { extra_pnginfo: { workflow: editor(96) } } }),
      'odd.api.json': `\uFEFF${json({ ...prompt(104), '3': { class_type: 'PreviewAny', inputs: { source: 0 } } }).replace('"source":0', '"source":NaN')}`,
    })
    const png = pngOf(pngText.plain(['prompt', json(prompt(112))]), pngText.plain(['workflow', json(editor(112))]))
    writeFileSync(folder.at('picture.png'), png)
    await using registry = await openRegistry(folder)
    expect(registry.problems()).toEqual([])
    const names = ['plain', 'wrapped', 'family/sd1.5', 'both', 'odd', 'picture']
    expect(names.map((name) => widthOf(registry, name))).toEqual([72, 80, 88, 96, 104, 112])
    expect(registry.get('family/sd1.5')).toMatchObject({ file: 'family/sd1.5.ui.json', generation: 1 })
    expect(registry.get('family/sd1.5')?.definition).toMatchObject({ summary: 'Sd1.5', outputs: { image: '2' } })
    const built = await registry
      .get('picture')
      ?.build({ width: 8 }, { uploads: new Set(), filenamePrefix: 'of-the-gateway' })
    expect(built).toMatchObject({
      '1': { inputs: { width: 8 } },
      '2': { inputs: { filename_prefix: 'of-the-gateway' } },
    })
  })

  test('is nothing to speak of where it is no graph', async () => {
    using folder = new WorkflowFolder({
      'package.json': json({ name: 'x', dependencies: {} }),
      'ts config.json': '{ // a comment\n }',
      'list.json': '[1, 2]',
      'network.json': json({ nodes: [{ id: 1, label: 'a' }], links: [] }),
      'ask.json': json({ prompt: 'a fox' }),
      '_parts/graph.json': json(prompt(64)),
      'node_modules/x/graph.json': json(prompt(64)),
      'workflow_templates/draw/box.json': json(prompt(64)),
      'draw/workflow_templates/box.json': json(prompt(64)),
    })
    writeFileSync(folder.at('plain picture.png'), pngOf())
    writeFileSync(folder.at('of another program.png'), pngOf(pngText.plain(['parameters', 'a fox\nSteps: 20'])))
    writeFileSync(folder.at('of-others.png'), pngOf(pngText.plain(['prompt', 'a fox in the snow'])))
    await using registry = await openRegistry(folder)
    expect(registry.list()).toEqual([])
    expect(registry.problems()).toEqual([])
  })

  test('is told with all reasons where it cannot be served', async () => {
    const unknown = editorFile([
      { id: 1, type: 'DrawIt', outputs: ['IMAGE'], properties: { cnr_id: 'some-pack' } },
      { id: 2, type: 'Improve', inputs: { image: [1, 0] }, outputs: ['IMAGE'] },
      { id: 3, type: 'SaveImage', values: ['x'], inputs: { images: [2, 0] } },
    ])
    using folder = new WorkflowFolder({
      'unknown.json': json(unknown),
      'cut-off.json': json(prompt(64)).slice(0, -9),
      'incomplete.json': json({ ...prompt(64), '3': { inputs: {} } }),
      'My Workflow (1).json': json(prompt(64)),
      'jobs.json': json(prompt(64)),
    })
    await using registry = await openRegistry(folder)
    expect(registry.list()).toEqual([])
    const reasons = new Map(registry.problems().map(({ file, reason }) => [file, reason]))
    expect(reasons.size).toBe(5)
    expect(reasons.get('unknown.json')).toMatch(/Node 1 .*DrawIt \(pack some-pack\).*Node 2 .*Improve/)
    expect(reasons.get('cut-off.json')).toMatch(/is no JSON/)
    expect(reasons.get('incomplete.json')).toMatch(/no class_type/)
    expect(reasons.get('My Workflow (1).json')).toMatch(
      /"My Workflow \(1\)" cannot be part of a route.*"My_Workflow_1"/,
    )
    expect(reasons.get('jobs.json')).toMatch(/is a route of the server itself/)
  })

  test('gives way to a module, and to the file that says more', async () => {
    using folder = new WorkflowFolder({
      'a.ts': moduleSource(`'of a module'`),
      'a.json': json(prompt(64)),
      'b.api.json': json(prompt(72)),
      'b.ui.json': json(editor(80)),
    })
    await using registry = await openRegistry(folder)
    expect(registry.get('a')?.file).toBe('a.ts')
    expect(widthOf(registry, 'b')).toBe(80)
    expect(registry.problems()).toMatchObject([
      { file: 'a.json', name: 'a', reason: 'the route /a is served from a.ts' },
      { file: 'b.api.json', name: 'b', reason: 'the route /b is served from b.ui.json' },
    ])
  })

  test('is a part of the module that imports it, and nothing else', async () => {
    using folder = new WorkflowFolder({
      'a.ts': moduleSource(`graph['1'].class_type`, `import graph from './a.json' with { type: 'json' }`),
      'a.json': json(prompt(64)),
      'b.json': json(prompt(64)),
    })
    await using registry = await openRegistry(folder)
    expect(registry.list().map(({ name }) => name)).toEqual(['a', 'b'])
    expect(registry.problems()).toEqual([])
    folder.write('a.ts', moduleSource(`'without'`))
    await registry.reload()
    expect(registry.problems()).toMatchObject([{ file: 'a.json' }])
  })

  test('is read from large pictures without the picture', async () => {
    using folder = new WorkflowFolder()
    const end = pngOf()
    const head = pngOf(pngText.plain(['prompt', json(prompt(64))]))
    writeFileSync(folder.at('large.png'), head.subarray(0, head.length - 12))
    // A chunk of 3 GB, of which the file has none but its length: more than fits into a buffer.
    const sizeOfData = 3 * 1024 ** 3
    const chunk = Buffer.concat([Buffer.alloc(4), Buffer.from('IDAT')])
    chunk.writeUInt32BE(sizeOfData)
    appendFileSync(folder.at('large.png'), chunk)
    truncateSync(folder.at('large.png'), head.length + sizeOfData)
    appendFileSync(folder.at('large.png'), end.subarray(-12))
    await using registry = await openRegistry(folder)
    expect(widthOf(registry, 'large')).toBe(64)
  })
})

describe('while it is served', () => {
  test.each(['native', 'poll'] as const)('it is as the file is (%s)', async (watch) => {
    using folder = new WorkflowFolder({ 'other.json': json(prompt(8)) })
    await using registry = await openRegistry(folder, { watch, pollIntervalMs: 20 })
    folder.write('draw.json', json(prompt(64)))
    await untilChanged(registry, () => widthOf(registry, 'draw') === 64)
    folder.write('draw.json', json(editor(72)))
    await untilChanged(registry, () => widthOf(registry, 'draw') === 72)
    expect(registry.get('draw')?.generation).toBe(2)

    folder.write('draw.json', '{ "nodes": [')
    await untilChanged(registry, () => registry.problems().length > 0)
    expect(registry.problems()).toMatchObject([{ file: 'draw.json', name: 'draw', servingPrevious: true }])
    expect(widthOf(registry, 'draw')).toBe(72)
    folder.write('draw.json', json(editor(80)))
    await untilChanged(registry, () => widthOf(registry, 'draw') === 80)
    expect(registry.problems()).toEqual([])

    folder.remove('draw.json')
    await untilChanged(registry, () => registry.get('draw') === undefined)
    expect(registry.list().map(({ name, generation }) => [name, generation])).toEqual([['other', 1]])
  })

  test('it waits for the nodes that it needs, and is loaded again only where they make another of it', async () => {
    using folder = new WorkflowFolder({
      'custom.json': json(editor(64, 'DrawIt')),
      'core.json': json(editor(72)),
      'plain.json': json(prompt(80)),
    })
    let known: NodeLookup = coreNode
    const editorNodes = { lookUp: (classType: string) => known(classType), source: () => 'a test' }
    await using registry = await openRegistry(folder, { editorNodes })
    expect(registry.problems()).toMatchObject([{ file: 'custom.json', servingPrevious: false }])
    const before = registry.get('core')

    const image = coreNode('EmptyImage')
    if (image === undefined) throw new Error('there is no EmptyImage')
    known = (classType) => {
      const definition = coreNode(classType)
      if (classType === 'DrawIt') return { ...image, name: 'DrawIt' }
      return definition && { ...definition, category: 'elsewhere' }
    }
    await registry.learnNodes()
    expect(registry.problems()).toEqual([])
    expect(widthOf(registry, 'custom')).toBe(64)
    expect(registry.get('core')).toBe(before)

    const { width, height, ...others } = image.input.required ?? {}
    if (width === undefined || height === undefined) throw new Error('EmptyImage has no size')
    known = (classType) =>
      classType === 'EmptyImage'
        ? {
            ...image,
            input: { required: { height, width, ...others } },
            input_order: { required: ['height', 'width'] },
          }
        : coreNode(classType)
    await registry.learnNodes()
    expect(widthOf(registry, 'core')).toBe(64)
    expect(registry.get('core')?.generation).toBe(2)
    expect(registry.get('plain')?.generation).toBe(1)
    expect(registry.problems()).toMatchObject([{ file: 'custom.json', servingPrevious: true }])
    expect(widthOf(registry, 'custom')).toBe(64)
  })
})
