import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { coreCatalogue, parseNodeCatalogue, type NodeCatalogue } from '../../src/comfyui/wire/node-catalogue.ts'
import type { CheckProblem } from '../../src/workflows/check/check-problem.ts'
import { checkWorkflow } from '../../src/workflows/check/module/check-workflow.ts'
import { serverCatalogue } from '../support/server-catalogue.ts'
import { openShippedWorkflows, shippedNodes } from '../support/shipped-workflows.ts'

/** A file with the answer of a server's `/object_info`, to check against it too. */
const recording = process.env['COMFYUI_OBJECT_INFO']
vi.setConfig({ testTimeout: 60_000 })

const registry = await openShippedWorkflows()
const workflows = registry.list()
const catalogue = serverCatalogue(shippedNodes(workflows))
const recorded: NodeCatalogue | undefined =
  recording === undefined ? undefined : parseNodeCatalogue(readFileSync(recording, 'utf8'), { source: 'the recording' })
afterAll(() => registry.close())

/** Without what is worth knowing only. */
function mistakes(problems: readonly CheckProblem[]): readonly CheckProblem[] {
  return problems.filter(({ severity }) => severity !== 'note')
}

describe.each(workflows.map((workflow) => [workflow.name, workflow] as const))('%s', (_name, workflow) => {
  test('passes its check on a server that has its node packs and models', async () => {
    const { verdict, problems, graphs } = await checkWorkflow(workflow, { catalogue })
    expect(mistakes(problems)).toEqual([])
    expect(verdict).toBe('accepted')
    expect(graphs).toBeGreaterThan(1)
  })

  test('asks for nothing that the built-in table knows to be wrong', async () => {
    const { problems } = await checkWorkflow(workflow, { catalogue: coreCatalogue() })
    expect(mistakes(problems).filter(({ code }) => code !== 'unknown_class')).toEqual([])
  })

  test('lacks only models and classes on a recorded server', async ({ skip }) => {
    if (recorded === undefined) return skip('COMFYUI_OBJECT_INFO is not set')
    const { problems } = await checkWorkflow(workflow, { catalogue: recorded })
    const packs = workflow.definition.metadata?.requiredNodes?.flatMap(({ classTypes = [] }) => classTypes)
    for (const problem of mistakes(problems)) {
      const { classType = '', value, fix } = problem
      if (recorded.lookUp(classType) === undefined) {
        expect(packs).toContain(classType)
        expect(fix).toMatch(/^Install the node pack \S+ from https:/)
      } else {
        expect(problem).toMatchObject({ code: 'value_not_in_list', severity: 'error' })
        expect(String(value)).toMatch(/\.(safetensors|pth?)$/)
        expect(fix).toMatch(/^Put \S+ into models\/\w+/)
      }
    }
  })
})
