import { expect, test } from 'vitest'
import { z } from 'zod'
import { coreNode } from '../comfyui/wire/core-nodes.ts'
import { coreCatalogue } from '../comfyui/wire/node-catalogue.ts'
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
  expect(readiness.of('slow')?.isReady).toBeUndefined()
  expect(readiness.isChecked).toBe(false)
  made.resolve(graph)
  await readiness.whenChecked()
  expect(readiness.of('slow')?.isReady).toBe(true)
  expect(readiness.isChecked).toBe(true)
  readiness.close()
})
