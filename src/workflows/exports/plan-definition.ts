import { z } from 'zod'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import type { Parameter, ParameterPlan, ParameterType, TargetForm } from '../../converter/parameters/parameter-plan.ts'
import { helperFor, type FieldHelper } from '../../converter/parameters/field-helper.ts'
import { compareIds } from '../../converter/parameters/prompt-graph.ts'
import { isRecord } from '../../lib/json-record.ts'
import { audio, image, mask, video } from '../parameters/media.ts'
import { model, sampler, scheduler } from '../parameters/names.ts'
import { seed } from '../parameters/seed.ts'
import type { WorkflowDefinition, WorkflowGraph } from '../workflow-definition.ts'

/**
 * The workflow that the module of a prompt and its plan would be, without writing and loading that: the same parameters,
 * and for the same input the same graph.
 */
export function planDefinition(plan: ParameterPlan, prompt: Prompt): WorkflowDefinition {
  const { summary, description, outputs, parameters, requiredModels, requiredNodes, titles } = plan
  const schemas = parameters.map((parameter) => [parameter.name, parameterSchema(parameter, prompt)] as const)
  return {
    summary,
    ...(description !== undefined && { description }),
    RequestSchema: z.object(Object.fromEntries(schemas)),
    generateWorkflow: (input) => fillGraph(prompt, parameters, titles, isRecord(input) ? input : {}),
    ...(outputs.length > 0 && { outputs: Object.fromEntries(outputs.map(({ name, node }) => [name, node])) }),
    ...(requiredModels.length + requiredNodes.length > 0 && { metadata: { requiredModels, requiredNodes } }),
  }
}

function parameterSchema(parameter: Parameter, prompt: Prompt): z.ZodType {
  const { description, type, value } = parameter
  const helper = helperFor(parameter, prompt)
  if (helper?.name === 'seed') return seed(helper.limits).describe(description)
  const schema = helper === undefined ? typeSchema(type) : helperSchema(helper)
  if (parameter.default.kind !== 'value') return schema.describe(description)
  return schema.default(type.kind === 'choices' && isRecord(value) ? value['__value__'] : value).describe(description)
}

function helperSchema(helper: Exclude<FieldHelper, { name: 'seed' }>): z.ZodType {
  if (helper.name === 'model') return model(helper.folder)
  return { image, mask, video, audio, sampler, scheduler }[helper.name]()
}

function typeSchema(type: ParameterType): z.ZodType {
  switch (type.kind) {
    case 'integer': {
      const schema = within(z.int(), type)
      return type.multipleOf === undefined ? schema : schema.multipleOf(type.multipleOf)
    }
    case 'number':
      return within(z.number(), type)
    case 'boolean':
      return z.boolean()
    case 'text':
      return z.string()
    case 'name':
      return z.string().min(1)
    case 'choice':
      return choiceSchema(type.choices)
    case 'choices':
      return z.array(choiceSchema(type.choices))
    case 'media':
      return { image, mask, video, audio }[type.media]()
  }
}

function within(schema: z.ZodNumber, { min, max }: { readonly min?: number; readonly max?: number }): z.ZodNumber {
  const above = min === undefined ? schema : schema.min(min)
  return max === undefined ? above : above.max(max)
}

function choiceSchema(choices: readonly (string | number | boolean)[]): z.ZodType {
  const texts = choices.filter((choice) => typeof choice === 'string')
  return texts.length === choices.length ? z.enum(texts) : z.literal(choices)
}

function fillGraph(
  prompt: Prompt,
  parameters: readonly Parameter[],
  titles: ReadonlyMap<string, string>,
  input: Readonly<Record<string, unknown>>,
): WorkflowGraph {
  const values = new Map<string, Map<string, unknown>>()
  for (const { name, targets } of parameters) {
    for (const target of targets) {
      const ofNode = values.get(target.node) ?? new Map<string, unknown>()
      values.set(target.node, ofNode.set(target.input, inForm(target.form, input[name])))
    }
  }
  const ids = Object.keys(prompt).sort(compareIds)
  return Object.fromEntries(
    ids.flatMap((id) => {
      const node = prompt[id]
      if (node === undefined) return []
      const title = titles.get(id)
      const ofNode = values.get(id)
      const inputs = Object.entries(node.inputs).map(([key, value]): [string, unknown] => [
        key,
        ofNode?.has(key) === true ? ofNode.get(key) : structuredClone(value),
      ])
      const written = { class_type: node.class_type, inputs: Object.fromEntries(inputs) }
      return [[id, title === undefined ? written : { ...written, _meta: { title } }]]
    }),
  )
}

function inForm(form: TargetForm, value: unknown): unknown {
  switch (form.kind) {
    case 'value':
      return value
    case 'wrapped':
      return { __value__: value }
    case 'position':
      return form.choices.findIndex((choice) => choice === value)
  }
}
