import { z } from 'zod'
import { callOptions, optionNames, type CallOption, type OptionName } from '../body/call-option-table.ts'

/** JSON Schema of what may stand beside `input`, by name. */
export function envelopeProperties(): Record<string, object> {
  return Object.fromEntries(optionNames.map((name) => [name, jsonSchemaOf(callOptions[name])]))
}

/** The same where an absent option is not the default. */
export function givenProperties(): Record<string, object> {
  return Object.fromEntries(optionNames.map((name) => [name, jsonSchemaOf({ schema: callOptions[name].schema })]))
}

/**
 * The options as parameters of an operation in the OpenAPI document. Defaults are told in words: a page that sends
 * requests would send each header whose schema has one.
 */
export function headerParameters(): object[] {
  return optionNames.map((name) => {
    const { header, absent } = callOptions[name]
    const { description, ...schema } = jsonSchemaOf({ schema: headerSchemaOf(name) })
    const isWorthTelling = absent !== undefined && !Array.isArray(absent)
    const note = isWorthTelling ? ` Default: \`${JSON.stringify(absent)}\`.` : ''
    return { name: header, in: 'header', description: `${String(description)}${note}`, schema }
  })
}

/** Headers of `readGivenOptions` for a route that has its headers as a Zod schema: documented there, and read elsewhere. */
export function givenHeaderSchemas(): Record<string, z.ZodType> {
  return Object.fromEntries(
    optionNames.map((name) => {
      const schema = headerSchemaOf(name)
      return [callOptions[name].header.toLowerCase(), z.unknown().optional().meta(jsonSchemaOf({ schema }))]
    }),
  )
}

function headerSchemaOf(name: OptionName): z.ZodType {
  return callOptions[name].headerSchema ?? callOptions[name].schema
}

function jsonSchemaOf({ schema, absent }: Pick<CallOption, 'schema' | 'absent'>): Record<string, unknown> {
  const { $schema: _, ...own } = z.toJSONSchema(schema, { io: 'input' })
  return { ...own, ...(absent !== undefined && { default: absent }) }
}
