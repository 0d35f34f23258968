import type { ServedWorkflow } from '../../workflows/served-workflow.ts'
import { envelopeProperties, headerParameters } from './call-option-schemas.ts'
import { describeLists, type DescribeListsOptions } from './describe-lists.ts'
import { embedSchema } from './embed-schema.ts'
import { exampleBodies } from './example-body.ts'
import { formSchema } from './form-schema.ts'
import { resultSchemaOf } from './result-schema.ts'
import {
  acceptedResponse,
  problemResponses,
  refTo,
  resultResponseOf,
  runErrors,
  runParameters,
} from './run-operation.ts'

/** What one workflow adds to the OpenAPI document. */
export interface WorkflowFragment {
  readonly path: string
  readonly item: Record<string, unknown>
  readonly schemas: Record<string, unknown>
}

/**
 * Documents one workflow.
 *
 * @param name its name among the components, unique
 */
export function workflowFragment(
  workflow: ServedWorkflow,
  name: string,
  lists: DescribeListsOptions,
): WorkflowFragment {
  const input = `${name}Input`
  const schema = describeLists(embedSchema(workflow.inputJsonSchema, refTo(input)), workflow, lists)
  const result = resultSchemaOf(workflow, name)
  const { definition } = workflow
  const summary = definition.summary ?? workflow.name
  const tags = [workflow.name.split('/')[0] ?? workflow.name]
  return {
    path: `/${workflow.name}`,
    schemas: {
      [input]: {
        description: `Parameters of \`${workflow.name}\`.`,
        ...schema,
      },
      ...result.components,
    },
    item: {
      post: {
        operationId: `run${name}`,
        summary,
        description: runDescription(workflow),
        tags,
        parameters: [...runParameters, ...headerParameters()],
        requestBody: requestBody(workflow, input, schema),
        responses: { 200: resultResponseOf(result.schema), 202: acceptedResponse, ...problemResponses(runErrors) },
      },
      get: {
        operationId: `describe${name}`,
        summary: 'Describe this workflow',
        description: `The parameters, examples and requirements of \`${workflow.name}\`, and which instances have what it needs.`,
        tags,
        responses: { 200: describedResponse, ...problemResponses(['not_found']) },
      },
    },
  }
}

function runDescription({ definition, warnings }: ServedWorkflow): string {
  const models = definition.metadata?.requiredModels ?? []
  const packs = definition.metadata?.requiredNodes ?? []
  const paragraphs = [
    definition.description ?? '',
    models.length === 0
      ? ''
      : `Needs ${models.map(({ directory, name }) => `\`${directory === undefined ? '' : `${directory}/`}${name}\``).join(', ')}.`,
    packs.length === 0
      ? ''
      : `Node packs: ${packs.map(({ pack, url }) => (url === undefined ? `\`${pack}\`` : `[${pack}](${url})`)).join(', ')}.`,
    ...warnings.map((warning) => `Note: ${warning}`),
  ]
  return paragraphs.filter((paragraph) => paragraph !== '').join('\n\n')
}

function summaryOf(name: string): string {
  if (name === 'minimal') return 'What is needed'
  return name === 'full' ? 'Every parameter' : name.replace('example', 'Example ')
}

const formNote = 'As a form: media are files, and empty fields of optional parameters are left out.'

function requestBody(workflow: ServedWorkflow, input: string, schema: Readonly<Record<string, unknown>>): object {
  const examples = Object.entries(exampleBodies(workflow))
  const flat = { $ref: refTo(input) }
  const envelope = {
    type: 'object',
    title: 'With options',
    properties: { input: flat, ...envelopeProperties() },
    required: ['input'],
    additionalProperties: false,
  }
  const takesEnvelope = !workflow.parameterNames.includes('input')
  return {
    required: true,
    description: takesEnvelope
      ? `The parameters, or \`{ "input": parameters, …options }\`. ${formNote}`
      : `The parameters. ${formNote}`,
    content: {
      'application/json': {
        schema: takesEnvelope ? { anyOf: [flat, envelope] } : flat,
        ...(examples.length > 0 && {
          examples: Object.fromEntries(examples.map(([name, value]) => [name, { summary: summaryOf(name), value }])),
        }),
      },
      'multipart/form-data': {
        schema: formSchema(
          workflow,
          schema,
          examples.map(([, body]) => body),
        ),
      },
    },
  }
}

const describedResponse = {
  description: 'The workflow',
  content: { 'application/json': { schema: { $ref: refTo('WorkflowDescription') } } },
}
