import type { ServedWorkflow } from '../../workflows/served-workflow.ts'
import { isRecord } from '../body/json-record.ts'
import { isOptional, takesEmptyText } from '../body/read-part.ts'
import { embedSchema } from './embed-schema.ts'

type Schema = Readonly<Record<string, unknown>>

const file = { type: 'string', contentMediaType: 'application/octet-stream' }

/**
 * The parameters of a workflow as fields of a form: named like parameters, media as files. A page that makes a form of
 * this fills in the example of each field: one that works, and nothing where the workflow draws a value or needs none.
 *
 * @param base where the schema of the parameters stands, such as `#/components/schemas/Txt2imgInput`
 * @param bodies that the workflow takes
 */
export function formSchema(
  { inputJsonSchema, mediaFields }: Pick<ServedWorkflow, 'inputJsonSchema' | 'mediaFields'>,
  base: string,
  bodies: readonly Schema[],
): object {
  const { properties, required } = embedSchema(inputJsonSchema, base)
  if (!isRecord(properties)) return { type: 'object' }
  const fields = Object.entries(properties).map(([name, schema]): [string, unknown] => {
    const media = mediaFields.find(({ path }) => path[0] === name)
    if (media?.path.length === 1) return [name, { ...described(schema), ...file }]
    if (media?.path.length === 2 && media.path[1] === '*') {
      return [name, { ...described(schema), type: 'array', items: file }]
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
  const original = originalOf(name, root)
  if (takesEmptyText(original, root)) return { ...schema, examples: [''] }
  return { ...described(schema), anyOf: [withoutDescription(schema), { const: '' }], examples: [''] }
}

function withoutDescription({ description: _, ...schema }: Schema): Schema {
  return schema
}

/** Before its references were made to point elsewhere. */
function originalOf(name: string, { properties }: Schema): unknown {
  return isRecord(properties) ? properties[name] : undefined
}
