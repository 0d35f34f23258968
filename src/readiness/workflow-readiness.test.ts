import { expect, test } from 'vitest'
import { z } from 'zod'
import { coreNode } from '../comfyui/wire/core-nodes.ts'
import { coreCatalogue, type NodeCatalogue, readNodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import { readRequestSchema } from '../workflows/parameters/read-request-schema.ts'
import { serveWorkflow } from '../workflows/serve-workflow.ts'
import type { ServedWorkflow } from '../workflows/served-workflow.ts'
import type { WorkflowGraph } from '../workflows/workflow-definition.ts'
import { createWorkflowReadiness } from './workflow-readiness.ts'

const graph: WorkflowGraph = {
  '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 0 } },
  '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
}

function workflowOf(name: string, generateWorkflow: () => WorkflowGraph | Promise<WorkflowGraph>): ServedWorkflow {
  return serveWorkflow({
    name,
    file: `${name}.ts`,
    generation: 1,
    definition: { generateWorkflow },
    request: readRequestSchema(z.object({})),
    foundMedia: [],
    listFields: [],
    warnings: [],
    nodes: coreNode,
    readSource: () => Promise.reject(new Error('gone')),
    describeError: String,
  })
}

test('a module that is slow to make its graph holds up none of the others', async () => {
  const made = Promise.withResolvers<WorkflowGraph>()
  const workflows = [workflowOf('slow', () => made.promise), workflowOf('sound', () => graph)]
  const catalogue = coreCatalogue()
  const readiness = createWorkflowReadiness({
    registry: {
      list: () => workflows,
      get: (name) => workflows.find((each) => each.name === name),
      onChange: () => () => undefined,
    },
    instances: () => [{ id: 'a', state: 'ready', catalogue, isFirstRead: false }],
  })
  await readiness.whenKnown('sound')
  expect(readiness.of('sound')?.isReady).toBe(true)
  expect(readiness.of('slow')).toMatchObject({ isReady: undefined, reason: 'It is not checked yet.' })
  expect(readiness.isChecked).toBe(false)
  made.resolve(graph)
  await readiness.whenChecked()
  expect(readiness.of('slow')?.isReady).toBe(true)
  expect(readiness.isChecked).toBe(true)
  readiness.close()
})

async function readinessOf(workflow: ServedWorkflow, catalogue: NodeCatalogue) {
  const readiness = createWorkflowReadiness({
    registry: { list: () => [workflow], get: () => workflow, onChange: () => () => undefined },
    instances: () => [{ id: 'a', state: 'ready', catalogue, isFirstRead: false }],
  })
  await readiness.whenKnown(workflow.name)
  readiness.close()
  return readiness.of(workflow.name)
}

test.each([
  ['a choice that only its own code may take', { mode: [['soft', 'hard'], {}] }, { mode: 'softer' }, true],
  ['a number that only its own code may take', { size: ['INT', { max: 9 }] }, { size: 10 }, true],
  ['a model that is not there', { mode: [['a.safetensors'], {}] }, { mode: 'b.safetensors' }, false],
  ['no value for an input', { mode: [['soft', 'hard'], {}] }, {}, false],
])('a custom class that is given %s', async (_, required, inputs, isReady) => {
  const definition = { input: { required }, output: [], output_node: true, python_module: 'custom_nodes.pack' }
  const catalogue = readNodeCatalogue({ Own: definition }, { source: 'test', comfyuiVersion: '0.33.0' })
  const workflow = workflowOf('own', () => ({ '1': { class_type: 'Own', inputs } }))
  expect((await readinessOf(workflow, catalogue))?.isReady).toBe(isReady)
  const core = readNodeCatalogue(
    { Own: { ...definition, python_module: 'nodes' } },
    { source: 'core', comfyuiVersion: '0.33.0' },
  )
  expect((await readinessOf(workflow, core))?.isReady).toBe(false)
})

test('an instance that has told nothing yet is the reason that nothing is known', async () => {
  const workflow = workflowOf('sound', () => graph)
  const readiness = createWorkflowReadiness({
    registry: { list: () => [workflow], get: () => workflow, onChange: () => () => undefined },
    instances: () => [{ id: 'a', state: 'connecting', catalogue: undefined, isFirstRead: false }],
  })
  await readiness.whenChecked()
  expect(readiness.of('sound')).toMatchObject({
    isReady: undefined,
    reason: 'No instance has told what it can run yet.',
  })
  readiness.close()
})
