import type { ServedWorkflow } from '../../workflows/served-workflow.ts'
import { isRecord } from '../../lib/json-record.ts'
import { isOptional, parameterSchema, takesEmptyText } from '../../workflows/parameters/parameter-schemas.ts'

type Schema = Readonly<Record<string, unknown>>

const file = { type: 'string', contentMediaType: 'application/octet-stream' }

/**
 * The parameters of a workflow as fields of a form: named like parameters, media as files. A page that makes a form of
 * this fills in the example of each field: one that works, and nothing where the workflow draws a value or needs none.
 *
 * @param embedded the schema of the parameters as it stands in the document
 * @param bodies that the workflow takes
 */
export function formSchema(
  { inputJsonSchema, mediaFields }: Pick<ServedWorkflow, 'inputJsonSchema' | 'mediaFields'>,
  embedded: Schema,
  bodies: readonly Schema[],
): object {
  const { properties, required } = embedded
  if (!isRecord(properties)) return { type: 'object' }
  const fields = Object.entries(properties).map(([name, schema]): [string, unknown] => {
    const media = mediaFields.find(({ path }) => path[0] === name)
    if (media?.path.length === 1) return [name, { ...described(schema), ...file }]
    if (media?.path.length === 2 && media.path[1] === '*') {
      const isSkipped = isOptional(name, inputJsonSchema)
      return [name, { ...described(schema), type: 'array', items: file, ...(isSkipped && { examples: [[]] }) }]
    }
    return [name, fieldSchema(name, schema, inputJsonSchema, bodies)]
  })
  return { type: 'object', properties: Object.fromEntries(fields), ...(Array.isArray(required) && { required }) }
}

function described(schema: unknown): object {
  const description = isRecord(schema) ? schema['description'] : undefined
  return description === undefined ? {} : { description }
}

function fieldSchema(name: string, schema: unknown, root: Schema, bodies: readonly Schema[]): unknown {
  if (!isRecord(schema)) return schema
  if (!isOptional(name, root)) {
    const example = bodies.map((body) => body[name]).find((value) => value !== undefined)
    return example === undefined ? schema : { ...schema, examples: [example] }
  }
  if (Object.hasOwn(schema, 'default')) return schema
  if (isList(schema)) return { ...schema, examples: [[]] }
  return { ...(takesEmptyText(parameterSchema(name, root), root) ? schema : orEmptyText(schema)), examples: [''] }
}

/** What the schema takes, and the empty text. Said with as few words as possible: pages show them. */
function orEmptyText(schema: Schema): Schema {
  const { description: _, minLength, ...own } = schema
  if (Array.isArray(own['enum'])) return { ...schema, enum: [...(own['enum'] as unknown[]), ''] }
  if (own['type'] === 'integer' || own['type'] === 'number') {
    return { ...schema, type: [own['type'], 'string'], maxLength: 0 }
  }
  if (own['type'] === 'string' && minLength === 1 && own['pattern'] === undefined)
    return { ...described(schema), ...own }
  const members = membersOf(own)
  const alternatives = Object.keys(own).length === 1 && members.length > 0 ? members : [withoutDescription(schema)]
  return { ...described(schema), anyOf: [...alternatives, { const: '' }] }
}

function withoutDescription({ description: _, ...schema }: Schema): Schema {
  return schema
}

/** A page takes what such a field holds for JSON. */
function isList(schema: Schema): boolean {
  const { type } = schema
  const [first] = membersOf(schema)
  return type === undefined && isRecord(first) ? isList(first) : type === 'array'
}

function membersOf({ anyOf }: Schema): readonly unknown[] {
  return Array.isArray(anyOf) ? anyOf : []
}
