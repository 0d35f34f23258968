import { z } from 'zod'

/** The parts of an OpenAPI 3.1 document that say what may be sent and what may come back. */

export type JsonSchema = boolean | Readonly<Record<string, unknown>>

const schemaSchema: z.ZodType<JsonSchema> = z.union([z.boolean(), z.record(z.string(), z.unknown())])
const mediaTypesSchema = z.record(
  z.string(),
  z.looseObject({
    schema: schemaSchema.optional(),
    examples: z.record(z.string(), z.looseObject({ value: z.unknown() })).optional(),
  }),
)
const parameterSchema = z.looseObject({
  name: z.string(),
  in: z.enum(['path', 'query', 'header', 'cookie']),
  required: z.boolean().default(false),
  schema: schemaSchema.default(true),
})
const responseSchema = z.looseObject({
  headers: z.record(z.string(), z.looseObject({ schema: schemaSchema.default(true) })).default({}),
  content: mediaTypesSchema.optional(),
})
const operationSchema = z.looseObject({
  operationId: z.string(),
  parameters: z.array(parameterSchema).default([]),
  requestBody: z.looseObject({ required: z.boolean().default(false), content: mediaTypesSchema }).optional(),
  responses: z.record(z.string(), responseSchema),
})
const methods = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options'] as const
const documentSchema = z.looseObject({
  openapi: z.string().startsWith('3.1.'),
  paths: z.record(z.string(), z.partialRecord(z.enum(methods), operationSchema)),
  components: z.looseObject({ schemas: z.record(z.string(), schemaSchema) }),
})

export type Parameter = z.infer<typeof parameterSchema>
export type Response = z.infer<typeof responseSchema>

export interface Operation extends z.infer<typeof operationSchema> {
  readonly method: string
  /** With `{placeholders}`. */
  readonly path: string
}

export interface OpenApiDocument {
  readonly operations: readonly Operation[]
  /** Named schemas; `#/components/schemas/<name>` refers to them. */
  readonly schemas: Readonly<Record<string, JsonSchema>>
}

/** @throws ZodError for what is no OpenAPI 3.1 document of the kind that this server makes: no references outside schemas */
export function readOpenApiDocument(json: unknown): OpenApiDocument {
  const { paths, components } = documentSchema.parse(json)
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method]
      return operation === undefined ? [] : [{ ...operation, method: method.toUpperCase(), path }]
    }),
  )
  return { operations, schemas: components.schemas }
}
