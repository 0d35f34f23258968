import { isMissingClass } from '../../../comfyui/wire/answers.ts'
import { coreNode } from '../../../comfyui/wire/core-nodes.ts'
import type { NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import type { NodePack, NodePackLookup } from '../../../comfyui/wire/node-packs.ts'
import { declaredInputs } from '../../../comfyui/wire/verdict/declared-inputs.ts'
import type { ServedWorkflow } from '../../served-workflow.ts'
import type { RequiredModel, WorkflowMetadata } from '../../workflow-definition.ts'
import type { CheckProblem } from '../check-problem.ts'
import { newerInput } from './newer-input.ts'
import { reachedNodes } from '../prompt/reached-nodes.ts'
import { listed, shown } from '../words.ts'
import type { Trial } from './workflow-trials.ts'

export interface NameSourcesOptions {
  /** What the module says of its needs. */
  readonly metadata: WorkflowMetadata | undefined
  readonly catalogue: NodeCatalogue
  readonly packOf: NodePackLookup | undefined
}

/** Says of classes and models that are not there where they can be had. */
export function nameSources(
  problems: readonly CheckProblem[],
  { metadata, catalogue, packOf }: NameSourcesOptions,
): readonly CheckProblem[] {
  const { requiredNodes = [], requiredModels = [] } = metadata ?? {}
  return problems.map((problem) => {
    const { code, classType, input, value } = problem
    if (code === 'undeclared_input' && newerInput(classType ?? '', input ?? '') !== undefined) {
      return { ...problem, severity: 'note', fix: 'Newer releases of ComfyUI have this input.' }
    }
    if (isMissingClass(code) && classType !== undefined && catalogue.lookUp(classType) === undefined) {
      const told = requiredNodes.find(({ classTypes }) => classTypes?.includes(classType) === true)
      const fix = told === undefined ? whereClassIs(classType, packOf) : describePack(told)
      return fix === undefined ? problem : { ...problem, fix }
    }
    if (code === 'unknown_class' && classType !== undefined) {
      const told = requiredNodes.find(({ classTypes }) => classTypes?.includes(classType) === true)
      return told === undefined ? problem : { ...problem, severity: 'note', fix: describePack(told) }
    }
    if (code !== 'value_not_in_list' || typeof value !== 'string') return problem
    const model = findModel(requiredModels, value)
    return model === undefined ? problem : { ...problem, fix: describeModel(model) }
  })
}

function whereClassIs(classType: string, packOf: NodePackLookup | undefined): string | undefined {
  const isOld = coreNode(classType, '0.3.64') !== undefined
  if (coreNode(classType) !== undefined) {
    return isOld
      ? 'Every ComfyUI has it, but not this one: look whether nodes failed to load at its start.'
      : 'It is part of newer releases of ComfyUI: update it.'
  }
  if (isOld) return 'It was part of older releases of ComfyUI: use another node.'
  const pack = packOf?.(classType)
  return pack === undefined ? undefined : describePack(pack)
}

function describePack({ pack, url, others = [] }: NodePack): string {
  const more = others.length === 0 ? '' : ` (${others.join(', ')} ${others.length === 1 ? 'has' : 'have'} one too)`
  return `Install the node pack ${pack}${url === undefined ? '' : ` from ${url}`}${more}.`
}

function describeModel({ name, directory, url, sizeBytes, sha256 }: RequiredModel): string {
  const facts = [
    ...(sizeBytes === undefined ? [] : [describeSize(sizeBytes)]),
    ...(sha256 === undefined ? [] : [`sha256 ${sha256}`]),
  ]
  const from = url === undefined ? '' : ` from ${url}`
  const where = directory === undefined ? '' : ` into models/${directory}`
  return `Put ${name}${where}${from}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}.`
}

function describeSize(bytes: number): string {
  const gigabytes = bytes / 1e9
  return gigabytes >= 1 ? `${gigabytes.toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`
}

/** Lists show models of sub-folders with these before their names. */
function findModel(models: readonly RequiredModel[], value: string): RequiredModel | undefined {
  return models.find(({ name }) => name === value) ?? models.find(({ name }) => fileOf(name) === fileOf(value))
}

function fileOf(name: string): string | undefined {
  return name.split(/[/\\]/).at(-1)
}

/** Whether a problem is that a model is not there. */
export function isMissingModel({ code, value }: CheckProblem): boolean {
  return code === 'value_not_in_list' && typeof value === 'string' && modelFile.test(value)
}

const modelFile = /\.(?:safetensors|sft|ckpt|pth?|gguf|bin|onnx)$/i

/** Where the metadata of a workflow and its graphs do not say the same. */
export function requirementNotes(
  { definition }: Pick<ServedWorkflow, 'definition'>,
  trials: readonly Trial[],
  catalogue: NodeCatalogue,
): readonly CheckProblem[] {
  const models = definition.metadata?.requiredModels ?? []
  const prompts = trials.map(({ prompt }) => prompt).filter((prompt) => prompt !== undefined)
  const texts = new Set(
    prompts.flatMap((prompt) => Object.values(prompt).flatMap(({ inputs }) => Object.values(inputs))),
  )
  const used = new Set([...texts].flatMap((text) => (typeof text === 'string' ? [fileOf(text)] : [])))
  const notes = models
    .filter((model) => prompts.length > 0 && !used.has(fileOf(model.name)))
    .map(({ name }): CheckProblem => ({
      severity: 'note',
      kind: 'flawed',
      code: 'unused_model',
      message: `The metadata names the model ${shown(name)}, and no graph that was tried uses it.`,
    }))
  return [...notes, ...undeclaredModels(models, trials[0], catalogue), ...unknownOutputs(definition, prompts)]
}

function undeclaredModels(
  models: readonly RequiredModel[],
  first: Trial | undefined,
  { lookUp, rules }: NodeCatalogue,
): readonly CheckProblem[] {
  const prompt = first?.prompt
  if (prompt === undefined) return []
  const reached = reachedNodes(prompt, lookUp)
  const found = Object.entries(prompt).flatMap(([node, { class_type: classType, inputs }]) => {
    const definition = lookUp(classType)
    if (definition === undefined || !reached.has(node)) return []
    return declaredInputs(definition, inputs, rules.expandsDynamicInputs).flatMap(({ name: input, choices }) => {
      const value = inputs[input]
      const isModel = choices !== undefined && typeof value === 'string' && modelFile.test(value)
      return isModel && findModel(models, value) === undefined ? [{ node, classType, input, value }] : []
    })
  })
  const [only, ...others] = found
  if (only === undefined) return []
  const names = [...new Set(found.map(({ value }) => shown(value)))]
  return [
    {
      severity: 'note',
      kind: 'flawed',
      code: 'undeclared_model',
      ...(others.length === 0 && only),
      message: `The metadata does not say where to get what the defaults use: ${listed(names)}.`,
      fix: 'Name it in metadata.requiredModels.',
    },
  ]
}

/** Names for outputs that stand for no node. */
function unknownOutputs(
  { outputs = {} }: ServedWorkflow['definition'],
  prompts: readonly NonNullable<Trial['prompt']>[],
): readonly CheckProblem[] {
  if (prompts.length === 0) return []
  return Object.entries(outputs)
    .filter(([, id]) => !prompts.some((prompt) => Object.hasOwn(prompt, id)))
    .map(([name, id]) => ({
      severity: 'warning',
      kind: 'flawed',
      code: 'unknown_output',
      message: `outputs.${name} is node ${shown(id)}, which is in no graph that was tried.`,
      fix: 'Name a node that saves or shows something.',
    }))
}
