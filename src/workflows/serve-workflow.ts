import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { exampleWarnings } from './example-warnings.ts'
import { buildPrompt, type BuildPromptOptions } from './graph/build-prompt.ts'
import type { NodeLookup } from '../comfyui/wire/object-info.ts'
import { describeMediaFields } from './parameters/describe-input.ts'
import { DefinitionError, type ReadDefinition } from './modules/read-definition.ts'
import type { RequestReading } from './parameters/read-request-schema.ts'
import type { ListField, MediaField, NameField, ServedWorkflow } from './served-workflow.ts'
import { nameParameters } from './graph/name-parameters.ts'
import { nameRequirements } from './graph/name-requirements.ts'
import type { WorkflowGraph } from './workflow-definition.ts'

export interface ServeWorkflowOptions {
  readonly name: string
  readonly file: string
  readonly generation: number
  readonly definition: ReadDefinition['definition']
  readonly request: RequestReading
  /** Media that the schema does not tell. */
  readonly foundMedia: readonly MediaField[]
  readonly listFields: readonly ListField[]
  readonly warnings: readonly string[]
  readonly nodes: NodeLookup
  /** Rejects when it cannot be read. */
  readonly readSource: () => Promise<string>
  /** What an error of the module says, with the place in its source and without paths of this machine. */
  readonly describeError: (error: unknown) => string
}

/** A module must not hold a request for ever. */
const buildTimeoutMs = 10_000

/**
 * Makes a workflow ready for requests.
 * @throws DefinitionError when no request could ever be served
 */
export function serveWorkflow(options: ServeWorkflowOptions): ServedWorkflow {
  const { name, file, definition, request, describeError } = options
  const { structure: schema, inspected, described } = request
  const foundMedia = options.foundMedia.filter(
    (field) => !inspected.mediaFields.some((told) => isDeepStrictEqual(told.path, field.path)),
  )
  const mediaFields = [...inspected.mediaFields, ...foundMedia]
  if (!inspected.takesObject) throw new DefinitionError('RequestSchema must describe an object of parameters')

  const fail = (what: string, error: unknown): GatewayError =>
    new GatewayError('workflow_failed', { detail: `${what} of ${file} failed: ${describeError(error)}`, cause: error })

  const parse = (raw: unknown): unknown => {
    try {
      return request.parse(raw)
    } catch (error) {
      if (error instanceof GatewayError) throw error
      if (error instanceof z.core.$ZodAsyncError) {
        throw fail(
          'RequestSchema',
          new Error('it has an asynchronous check or transformation; only synchronous ones work'),
        )
      }
      throw fail('RequestSchema', error)
    }
  }

  const generate = async (input: unknown): Promise<WorkflowGraph> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no graph within ${buildTimeoutMs / 1000} s`)), buildTimeoutMs)
    })
    try {
      return await Promise.race([definition.generateWorkflow(separate(input)), late])
    } finally {
      clearTimeout(timer)
    }
  }

  const flaws = exampleWarnings({ structure: schema, parse }, definition.examples ?? [])

  return {
    name,
    file,
    generation: options.generation,
    definition: { ...definition, RequestSchema: schema },
    mediaFields,
    listFields: withNameLists(options.listFields, inspected.nameFields).filter(
      ({ path }) => !mediaFields.some((media) => isDeepStrictEqual(media.path, path)),
    ),
    warnings: [...options.warnings, ...inspected.warnings, ...described.warnings, ...flaws],
    inputJsonSchema: describeMediaFields(described.schema, foundMedia),
    parameterNames: inspected.parameterNames,
    parse,
    async generate(input) {
      try {
        return await generate(input)
      } catch (error) {
        throw fail('generateWorkflow', error)
      }
    },
    async build(input: unknown, { uploads, filenamePrefix }): Promise<Prompt> {
      const build: BuildPromptOptions = { schema, input, uploads, filenamePrefix, generate, nodes: options.nodes }
      try {
        return await buildPrompt(build)
      } catch (error) {
        throw error instanceof GatewayError ? error : fail('generateWorkflow', error)
      }
    },
    readSource: () => options.readSource().catch(() => undefined),
    nameParameters: async (input, errors) =>
      nameRequirements({
        errors: await nameParameters({ schema, input, errors, generate }),
        metadata: definition.metadata,
        graph: () => generate(input),
      }),
  }
}

/** What a module says of its parameters, beside what its graphs show. */
function withNameLists(found: readonly ListField[], told: readonly NameField[]): readonly ListField[] {
  const isAt = (path: readonly string[]) => (field: { readonly path: readonly string[] }) =>
    isDeepStrictEqual(field.path, path)
  const listed = found.map((field) => {
    const list = told.find(isAt(field.path))?.list
    return list === undefined ? field : { ...field, list }
  })
  const others = told.filter(({ path }) => !found.some(isAt(path)))
  return [...listed, ...others.map(({ path, list }) => ({ path, places: [], list }))]
}

/** So that a module that changes what it is given does not change it for the next call. */
function separate(input: unknown): unknown {
  try {
    return structuredClone(input)
  } catch {
    // What a transformation made may hold functions, which cannot be copied.
    return input
  }
}
