import { z } from 'zod'
import { zod3Schema, type Zod3Schema } from '../parameters/zod3/zod3-schema.ts'
import type { RequiredModel, RequiredNode, WorkflowDefinition, WorkflowMetadata } from '../workflow-definition.ts'

/** Why a module is no workflow. The message is for its author. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError'
}

/** Both generations of Zod are taken. */
export type RequestSchema =
  { readonly generation: 4; readonly schema: z.ZodType } | { readonly generation: 3; readonly schema: Zod3Schema }

export interface ReadDefinition {
  readonly definition: Omit<WorkflowDefinition, 'RequestSchema'>
  readonly requestSchema: RequestSchema
  /** Parts that were left out because they cannot be understood. */
  readonly warnings: readonly string[]
}

const requestSchemaSchema = z.custom<z.ZodType>((value) => value instanceof z.core.$ZodType)
const generateWorkflowSchema = z.custom<WorkflowDefinition['generateWorkflow']>((value) => typeof value === 'function')
const textSchema = z.string().optional()
const outputsSchema = z.record(z.string(), z.string()).optional()
const limitSchema = z.int().min(1).exactOptional()
const limitsSchema = z
  .strictObject({ queueTimeoutSeconds: limitSchema, runTimeoutSeconds: limitSchema, stallTimeoutSeconds: limitSchema })
  .optional()
const examplesSchema = z.array(z.unknown()).optional()
const nameSchema = z.string().min(1)
const requiredModelSchema: z.ZodType<RequiredModel> = z.union([
  nameSchema.transform((name) => ({ name })),
  z.object({
    name: nameSchema,
    directory: nameSchema.exactOptional(),
    url: z.string().exactOptional(),
    sizeBytes: z.int().nonnegative().exactOptional(),
    sha256: z.string().exactOptional(),
  }),
])
const requiredNodeSchema: z.ZodType<RequiredNode> = z.union([
  nameSchema.transform((pack) => ({ pack })),
  z.object({
    pack: nameSchema,
    version: z.string().exactOptional(),
    url: z.string().exactOptional(),
    classTypes: z.array(z.string()).exactOptional(),
  }),
])
const modelSourcesSchema = z.record(z.string(), z.string()).default({})

/**
 * Finds the workflow in what `import()` of its module gave.
 * @throws DefinitionError
 */
export function readDefinition(namespace: unknown): ReadDefinition {
  const exported = defaultExport(namespace)
  const { RequestSchema: schema, generateWorkflow } = exported
  if (schema === undefined) throw new DefinitionError('the default export has no RequestSchema')
  if (generateWorkflow === undefined) throw new DefinitionError('the default export has no generateWorkflow')
  const requestSchema = readSchema(schema)
  const generate = generateWorkflowSchema.safeParse(generateWorkflow)
  if (!generate.success) throw new DefinitionError('generateWorkflow is no function')

  const warnings: string[] = []
  const optional = <Value>(name: string, expected: z.ZodType<Value>): Value | undefined => {
    const read = expected.safeParse(exported[name])
    if (read.success) return read.data
    warnings.push(`${name} is ignored: ${firstIssue(read.error)}`)
    return undefined
  }
  const summary = optional('summary', textSchema)
  const description = optional('description', textSchema)
  const outputs = optional('outputs', outputsSchema)
  const examples = optional('examples', examplesSchema)
  const limits = optional('limits', limitsSchema)
  const metadata = readMetadata(exported['metadata'], warnings)
  return {
    definition: {
      // Modules have it call other parts of their export.
      generateWorkflow: generate.data.bind(exported),
      ...(summary !== undefined && { summary }),
      ...(description !== undefined && { description }),
      ...(outputs !== undefined && { outputs }),
      ...(examples !== undefined && { examples }),
      ...(metadata !== undefined && { metadata }),
      ...(limits !== undefined && { limits }),
    },
    requestSchema,
    warnings,
  }
}

function readSchema(schema: unknown): RequestSchema {
  const zod4 = requestSchemaSchema.safeParse(schema)
  if (zod4.success) return { generation: 4, schema: zod4.data }
  const zod3 = zod3Schema.safeParse(schema)
  if (zod3.success) return { generation: 3, schema: zod3.data }
  throw new DefinitionError("RequestSchema is no Zod schema: build it with z.object({ … }), where z comes from 'zod'")
}

function defaultExport(namespace: unknown): Record<string, unknown> {
  const module = isObject(namespace) ? namespace : {}
  const exported = module['default']
  // What was written or compiled as CommonJS arrives one level deeper.
  const isWrapped = isObject(exported) && isObject(exported['default']) && exported['RequestSchema'] === undefined
  const value = isWrapped ? exported['default'] : exported
  if (value === undefined) {
    throw new DefinitionError('the module has no default export: write `export default defineWorkflow({ … })`')
  }
  if (!isObject(value))
    throw new DefinitionError('the default export is no object with RequestSchema and generateWorkflow')
  return value
}

function readMetadata(metadata: unknown, warnings: string[]): WorkflowMetadata | undefined {
  if (metadata === undefined) return undefined
  if (!isObject(metadata)) {
    warnings.push('metadata is ignored: it is no object')
    return undefined
  }
  const readList = <Value>(name: string, expected: z.ZodType<Value>): Value[] => {
    const list = metadata[name] ?? []
    if (!Array.isArray(list)) {
      warnings.push(`metadata.${name} is ignored: it is no list`)
      return []
    }
    return list.flatMap((each: unknown, index) => {
      const read = expected.safeParse(each)
      if (read.success) return [read.data]
      warnings.push(`metadata.${name}[${index}] is ignored: ${firstIssue(read.error)}`)
      return []
    })
  }
  const models = readList('requiredModels', requiredModelSchema)
  const sources = modelSourcesSchema.safeParse(metadata['modelSources'])
  if (!sources.success) warnings.push(`metadata.modelSources is ignored: ${firstIssue(sources.error)}`)
  const urls = new Map(Object.entries(sources.data ?? {}))
  for (const name of urls.keys()) {
    if (models.some((model) => model.name === name)) continue
    warnings.push(`metadata.modelSources names ${JSON.stringify(name)}, which is none of the requiredModels`)
  }
  return {
    requiredNodes: readList('requiredNodes', requiredNodeSchema),
    requiredModels: models.map((model) => withSource(model, urls.get(model.name))),
  }
}

/** What the model says of itself goes first. */
function withSource(model: RequiredModel, url: string | undefined): RequiredModel {
  return url === undefined ? model : { url, ...model }
}

function firstIssue(error: z.ZodError): string {
  const [first] = error.issues
  // Of several forms the last one is the one with parts of its own.
  const issue = first?.code === 'invalid_union' ? (first.errors.at(-1)?.[0] ?? first) : first
  if (issue === undefined) return 'it cannot be read'
  return issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
