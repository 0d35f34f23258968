import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import type { InstanceReadiness } from '../../instances/instance-pool.ts'
import type { ServedWorkflow } from '../../workflows/served-workflow.ts'
import type { PreparedJob } from '../body/prepare-job.ts'
import { instanceReadinessSchema, toPromptReadiness } from './readiness.ts'

/** The graph as ComfyUI takes it. */
export const promptGraphSchema = z
  .record(
    z.string(),
    z.object({
      class_type: z.string(),
      inputs: z.record(z.string(), z.unknown()).describe('Values, and links as `[node id, output slot]`.'),
      _meta: z.object({ title: z.string().optional() }).optional(),
    }),
  )
  .describe('Node id to node: the API format of ComfyUI.')

export const renderedWorkflowSchema = z.object({
  workflow: z.string(),
  prompt: promptGraphSchema,
  parameters: z
    .unknown()
    .describe('What the workflow got: defaults filled in, media as the names of their files. To be sent again.'),
  input_files: z
    .array(z.object({ name: z.string(), content_type: z.string(), size_bytes: z.int(), sha256: z.string() }))
    .describe('The media of the request, as they would lie in the input folder of ComfyUI.'),
  outputs: z
    .array(z.object({ node_id: z.string(), class_type: z.string(), name: z.string().nullable() }))
    .describe('The nodes that make outputs, as far as their classes are known.'),
  unresolved: z
    .array(z.object({ node_id: z.string(), class_type: z.string(), input: z.string() }))
    .describe('Inputs that the workflow draws anew for each call, whatever the parameters are.'),
  instances: z.array(instanceReadinessSchema).describe('Who could run it.'),
  warnings: z.array(z.string()),
})

export type RenderedWorkflow = z.infer<typeof renderedWorkflowSchema>

export interface Rendering {
  readonly workflow: ServedWorkflow
  readonly prepared: Pick<PreparedJob, 'input' | 'prompt' | 'inputFiles'>
  /** Built once more from the same parameters. */
  readonly again: Prompt
  readonly instances: readonly InstanceReadiness[]
}

export function toRenderedWorkflow({ workflow, prepared, again, instances }: Rendering): RenderedWorkflow {
  const { prompt, input, inputFiles } = prepared
  const names = new Map(Object.entries(workflow.definition.outputs ?? {}).map(([name, id]) => [id, name]))
  const nodes = Object.entries(prompt)
  const parameters = asJson(input)
  const warnings = [...workflow.warnings]
  if (!canBeSentAgain(workflow, parameters)) {
    warnings.push('The schema changes what it is given, so these parameters are not the ones to send again.')
  }
  return {
    workflow: workflow.name,
    prompt,
    parameters,
    input_files: inputFiles.map(({ name, contentType, sizeBytes, sha256 }) => ({
      name,
      content_type: contentType,
      size_bytes: sizeBytes,
      sha256,
    })),
    outputs: nodes
      .filter(([id, node]) => names.has(id) || coreNode(node.class_type)?.output_node === true)
      .map(([id, node]) => ({ node_id: id, class_type: node.class_type, name: names.get(id) ?? null })),
    unresolved: nodes.flatMap(([id, node]) =>
      Object.entries(node.inputs)
        .filter(([name, value]) => !isDeepStrictEqual(again[id]?.inputs[name], value))
        .map(([name]) => ({ node_id: id, class_type: node.class_type, input: name })),
    ),
    instances: instances.map((each) => toPromptReadiness(each, workflow.definition.metadata)),
    warnings,
  }
}

/** What a transformation made may be anything. */
function asJson(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value))
  } catch {
    return null
  }
}

function canBeSentAgain(workflow: ServedWorkflow, parameters: unknown): boolean {
  try {
    return isDeepStrictEqual(asJson(workflow.parse(parameters)), parameters)
  } catch {
    return false
  }
}
