import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { writeModule } from '../../converter/module/write-module.ts'
import { chooseParameters } from '../../converter/parameters/choose-parameters.ts'
import { otherValue, verifyModule } from '../../converter/verify-module.ts'
import { nativeImport } from '../../../test/support/native-import.ts'
import { promptArbitrary } from '../../../test/support/random-prompt.ts'
import { WorkflowFolder } from '../../../test/support/workflow-folder.ts'
import { openWorkflow } from '../open-workflow.ts'

/** Files in which a node has this id are not read. */
const readablePrompt = promptArbitrary.filter((prompt) => !Object.hasOwn(prompt, '__proto__'))
const title = 'some_graph'

/** A prompt as an export that is served, and as the module that is written of it. */
async function bothOf(prompt: Prompt) {
  const plan = chooseParameters(prompt, { lookUp: coreNode, hints: { name: title } })
  const folder = new WorkflowFolder({
    'module.ts': writeModule(plan, prompt),
    [`${title}.json`]: JSON.stringify(prompt),
  })
  const module = await openWorkflow({ file: folder.at('module.ts') }, { importModule: nativeImport })
  const served = await openWorkflow({ file: folder.at(`${title}.json`) })
  return {
    plan,
    module: module.workflow,
    served: served.workflow,
    async [Symbol.asyncDispose]() {
      await module.close()
      await served.close()
      folder[Symbol.dispose]()
    },
  }
}

describe('an export that is served', () => {
  test('is the workflow that its module would be', async () => {
    await fc.assert(
      fc.asyncProperty(readablePrompt, async (prompt) => {
        await using both = await bothOf(prompt)
        const { plan, module, served } = both
        expect(served.inputJsonSchema).toEqual(module.inputJsonSchema)
        expect(served.mediaFields).toEqual(module.mediaFields)
        expect(served.listFields).toEqual(module.listFields)
        const { RequestSchema: _one, generateWorkflow: _other, ...told } = served.definition
        expect(module.definition).toMatchObject(told)
        expect(Object.keys(module.definition)).toHaveLength(Object.keys(told).length + 2)
        const others = plan.parameters.flatMap((parameter) => {
          const other = otherValue(parameter)
          return other === undefined ? [] : [[parameter.name, other] as const]
        })
        const needed = plan.parameters.flatMap(({ name, default: given }): (readonly [string, unknown])[] => {
          if (given.kind === 'none') return [[name, 'sent.png']]
          return given.kind === 'random' ? [[name, 7]] : []
        })
        for (const body of [needed, [...needed, ...others]]) {
          const sent: unknown = Object.fromEntries(body)
          expect(served.parse(sent)).toEqual(module.parse(sent))
          expect(await served.generate(served.parse(sent))).toEqual(await module.generate(module.parse(sent)))
        }
      }),
      { numRuns: 40 },
    )
  })

  test('rebuilds its prompt, and each parameter changes its own inputs only', async () => {
    await fc.assert(
      fc.asyncProperty(readablePrompt, async (prompt) => {
        await using both = await bothOf(prompt)
        expect(await verifyModule({ module: both.served, plan: both.plan, prompt })).toEqual([])
      }),
      { numRuns: 20 },
    )
  })

  test('draws another seed for each request, within its limits', async () => {
    const prompt: Prompt = {
      '1': { class_type: 'RandomNoise', inputs: { noise_seed: 5 } },
      '2': { class_type: 'PreviewAny', inputs: { source: ['1', 0] } },
    }
    await using both = await bothOf(prompt)
    const seeds = Array.from({ length: 20 }, () => both.served.parse({}))
    expect(new Set(seeds.map((seed) => JSON.stringify(seed))).size).toBeGreaterThan(1)
    expect(both.served.inputJsonSchema).toMatchObject({ properties: { seed: { type: 'integer', minimum: 0 } } })
  })
})
