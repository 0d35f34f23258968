import { envelopeProperties, headerParameters } from './call-option-schemas.ts'
import { acceptedResponse, problemResponses, resultResponseOf, runErrors, runParameters } from './run-operation.ts'

const link = {
  type: 'array',
  prefixItems: [{ type: 'string' }, { type: 'integer', minimum: 0 }],
  minItems: 2,
  maxItems: 2,
}

const nodeSchema = {
  type: 'object',
  properties: {
    class_type: { type: 'string', minLength: 1 },
    inputs: {
      type: 'object',
      description:
        'Values, and links: the id of a node and the number of its output. Lists stand in `{"__value__": […]}`.',
      additionalProperties: { anyOf: [link, { type: ['string', 'number', 'boolean', 'null', 'object'] }] },
    },
    _meta: { type: 'object', properties: { title: { type: 'string' } } },
  },
  required: ['class_type', 'inputs'],
}

/** What ComfyUI's own page sends in `extra_data`. */
const ofNoEffect = ['client_id', 'create_time', 'preview_method', 'comfy_usage_source']

const bodySchema = () => ({
  title: 'A graph',
  type: 'object',
  properties: {
    prompt: {
      type: 'object',
      description: 'Id of a node → node: what the editor saves with “Export (API)”.',
      minProperties: 1,
      additionalProperties: nodeSchema,
    },
    ...envelopeProperties(),
    extra_data: {
      type: 'object',
      description:
        '`extra_pnginfo` is embedded in the files that ComfyUI saves, such as `workflow`, the graph of the editor.',
      properties: {
        extra_pnginfo: { type: 'object', properties: { workflow: { type: 'object' } } },
        ...Object.fromEntries(ofNoEffect.map((name) => [name, { description: 'Of no effect.' }])),
      },
      additionalProperties: false,
    },
    client_id: { description: 'Of no effect: events are at `/jobs/{id}/events`.' },
  },
  required: ['prompt'],
  additionalProperties: false,
})

const example = {
  prompt: {
    '1': { class_type: 'EmptyImage', inputs: { width: 256, height: 256, batch_size: 1, color: 3_381_759 } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'any' } },
  },
  priority: 1,
}

const description = [
  'Runs a graph in the API format as it is, with the same jobs and the same errors as a workflow. Pointers of errors ' +
    'lead into the body, such as `/prompt/3/inputs/cfg`.',
  'Files stand in the graph as https URLs, data URIs, base64 or `{"asset": id}`, where the name of a file would stand: ' +
    '`LoadImage.image` and inputs like it. Names of files on the ComfyUI host are refused, and every `filename_prefix` is replaced.',
  'A graph that ComfyUI would refuse, in whole or in part, or crash of, is refused before it is queued. Numbers beyond 9007199254740991 are rounded.',
  'Off where others than this machine reach the server, unless it was started with `--raw-prompts on`.',
].join('\n\n')

/** `POST /prompt` in the OpenAPI document. */
export function promptPath(): Record<string, unknown> {
  return {
    post: {
      operationId: 'runPrompt',
      summary: 'Run a graph of your own',
      description,
      tags: ['prompt'],
      parameters: [...runParameters, ...headerParameters()],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: bodySchema(),
            examples: { picture: { summary: 'An even picture', value: example } },
          },
        },
      },
      responses: {
        200: resultResponseOf(),
        202: acceptedResponse,
        ...problemResponses(runErrors.filter((code) => code !== 'workflow_failed')),
      },
    },
  }
}
