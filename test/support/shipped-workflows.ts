import { fileURLToPath } from 'node:url'
import type { ObjectInfo, NodeLookup } from '../../src/comfyui/wire/object-info.ts'
import { promptRules } from '../../src/comfyui/wire/verdict/prompt-rules.ts'
import { isRecord } from '../../src/lib/json-record.ts'
import { isPromptLink, type Prompt } from '../../src/comfyui/wire/prompt.ts'
import { checkPrompt } from '../../src/workflows/check/prompt/check-prompt.ts'
import { reachedFrom } from '../../src/workflows/check/prompt/reached-nodes.ts'
import { completePrompt } from '../../src/workflows/graph/complete-prompt.ts'
import { coreNames } from '../../src/workflows/salad/known-names.ts'
import type { ServedWorkflow, WorkflowRegistry } from '../../src/workflows/served-workflow.ts'
import { createWorkflowRegistry } from '../../src/workflows/workflow-registry.ts'
import { nativeImport } from './native-import.ts'
import { nodeDefinitions } from './node-definitions.ts'

export type Parameters = Readonly<Record<string, unknown>>

/** Where the gateway would have put a picture of the caller. */
export const upload = 'gateway/0123456789abcdef.png'

/** Texts for parameters of any kind; each folder has models of these names. */
const texts = ['one text', 'another text'] as const

export function openShippedWorkflows(): Promise<WorkflowRegistry> {
  const folder = fileURLToPath(new URL('../../workflows', import.meta.url))
  return createWorkflowRegistry({ folders: [folder], watch: 'off', importModule: nativeImport })
}

/** A server with the node packs and models that the workflows ask for. */
export function shippedNodes(workflows: readonly ServedWorkflow[], recorded?: ObjectInfo): NodeLookup {
  const models = workflows.flatMap(({ definition }) => definition.metadata?.requiredModels ?? [])
  const namesIn = (directory: string): readonly string[] => [
    ...new Set(models.filter((model) => model.directory === directory).map(({ name }) => name)),
    ...texts,
  ]
  return nodeDefinitions(namesIn, recorded)
}

/** The first example with a fixed seed and its media uploaded. */
export function baseParameters(workflow: ServedWorkflow, media = upload): Parameters {
  return { ...withUploads(workflow, workflow.definition.examples?.[0], media), seed: 42 }
}

export function withUploads(workflow: ServedWorkflow, example: unknown, name = upload): Parameters {
  const media = workflow.mediaFields.map(({ path }) => [path.join('.'), name] as const)
  return { ...(isRecord(example) ? example : {}), ...Object.fromEntries(media) }
}

/** Values worth trying for each parameter: both ends of ranges, every choice, absent where that is allowed. */
export function alternatives(workflow: ServedWorkflow): ReadonlyMap<string, readonly unknown[]> {
  return new Map(
    describedParameters(workflow).map(({ name, schema, isRequired }) => {
      const values = valuesOf(schema)
      return [name, isRequired ? values : [undefined, ...values]]
    }),
  )
}

function valuesOf(schema: Parameters): readonly unknown[] {
  const { type, enum: choices, minimum, maximum, multipleOf, minLength } = schema
  if (Array.isArray(choices)) return choices.map((choice: unknown) => choice)
  if (type === 'boolean') return [false, true]
  if (type === 'string' && schema['format'] === 'byte') return [upload]
  const list = schema['x-comfyui-list']
  if (list === 'samplers' || list === 'schedulers') return coreNames()[list]
  if (type === 'string') return minLength === undefined ? ['', ...texts] : texts
  if (typeof minimum !== 'number' || typeof maximum !== 'number') throw new Error(`a number has no limits`)
  const step = typeof multipleOf === 'number' ? multipleOf : type === 'integer' ? 1 : 0.25
  return [minimum, minimum + step, maximum]
}

/**
 * Both positions of each parameter that may add nodes to a graph or take them away: booleans, names that may be absent
 * or empty, and strengths of passes, which are off at 0.
 */
export function switches(workflow: ServedWorkflow): ReadonlyMap<string, readonly [off: unknown, on: unknown]> {
  return new Map(
    describedParameters(workflow).flatMap(({ name, schema, isRequired }): [string, readonly [unknown, unknown]][] => {
      const { type, enum: choices, minLength, minimum, default: usual } = schema
      if (choices !== undefined) return []
      if (type === 'boolean') return [[name, [false, true]]]
      if (type === 'string' && minLength === undefined && usual !== undefined) return [[name, ['', texts[0]]]]
      if (type === 'string' && !isRequired && usual === undefined) return [[name, [undefined, texts[0]]]]
      if (name.endsWith('denoise') && minimum === 0) return [[name, [0, 0.5]]]
      return []
    }),
  )
}

/** Every combination of the switches, all other parameters as in the first example. */
export function* switchCombinations(workflow: ServedWorkflow): Iterable<Parameters> {
  const all = [...switches(workflow)]
  const start = baseParameters(workflow)
  for (let number = 0; number < 2 ** all.length; number += 1) {
    const chosen = all.map(([name, positions], index) => [name, positions[(number >> index) % 2]] as const)
    yield { ...start, ...Object.fromEntries(chosen) }
  }
}

function describedParameters(
  workflow: ServedWorkflow,
): readonly { name: string; schema: Parameters; isRequired: boolean }[] {
  const { properties, required } = workflow.inputJsonSchema
  if (!isRecord(properties) || !Array.isArray(required)) throw new Error(`${workflow.name} describes no parameters`)
  return Object.entries(properties).map(([name, schema]) => {
    if (!isRecord(schema)) throw new Error(`${name} has no schema`)
    return { name, schema, isRequired: required.includes(name) }
  })
}

/** Parameters that are `undefined` are not given. */
export async function buildGraph(workflow: ServedWorkflow, parameters: Parameters): Promise<Prompt> {
  const given = Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined))
  return completePrompt(await workflow.definition.generateWorkflow(workflow.parse(given)), 'prefix')
}

/** Everything that is wrong with a graph; every node of it leads to an output that the module names. */
export function shippedFlaws(workflow: ServedWorkflow, prompt: Prompt, nodes: NodeLookup): readonly string[] {
  const rules = promptRules('0.33.0')
  const catalogue = { lookUp: nodes, classTypes: [], rules, fingerprint: '', source: 'the server', knowsFiles: true }
  const { verdict, problems } = checkPrompt(prompt, { catalogue, fileExists: (name) => name === upload })
  const outputs = Object.values(workflow.definition.outputs ?? {})
  const needed = reachedFrom(prompt, outputs)
  return [
    ...(verdict === 'accepted' ? [] : [`ComfyUI: ${verdict}`]),
    ...problems.map((problem) => JSON.stringify(problem)),
    ...outputs
      .filter((id) => nodes(prompt[id]?.class_type ?? '')?.output_node !== true)
      .map((id) => `node ${id} is no output`),
    ...Object.keys(prompt)
      .filter((id) => !needed.has(id))
      .map((id) => `node ${id}: no named output needs it`),
  ]
}

/** The titles of the nodes from the first one to `id`, following the first of the named inputs that each node has. */
export function pathTo(prompt: Prompt, id: string, inputs: readonly string[]): readonly string[] {
  const node = prompt[id]
  if (node === undefined) return [`no node ${id}`]
  const source = inputs.map((name) => node.inputs[name]).find((value) => isPromptLink(value))
  const title = node._meta?.title ?? node.class_type
  return source === undefined ? [title] : [...pathTo(prompt, source[0], inputs), title]
}
