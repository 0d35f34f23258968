import { ignoreOverride, zodToJsonSchema } from 'zod-to-json-schema'
import { ZodFirstPartyTypeKind as Kind } from 'zod/v3'
import { isRecord } from '../../../lib/json-record.ts'
import type { DescribedInput } from '../describe-input.ts'
import { isRandomDefault } from '../is-random-default.ts'
import { zod3Definition, type Zod3Schema } from './zod3-schema.ts'

/**
 * The parameters of a Zod 3 schema as JSON Schema 2020-12. Objects for which `isStrict` holds say that nothing else may
 * be in them, and defaults that differ from call to call are left out.
 */
export function describeZod3(schema: Zod3Schema, isStrict: (definition: object) => boolean): DescribedInput {
  try {
    const described = zodToJsonSchema(schema, {
      target: 'jsonSchema2019-09',
      $refStrategy: 'none',
      effectStrategy: 'input',
      pipeStrategy: 'input',
      strictUnions: true,
      // Written out, a schema that holds itself has no end.
      override: (_definition, refs, seen) =>
        seen !== undefined && isAbove(seen.path, refs.currentPath) ? {} : ignoreOverride,
      postProcess(json, definition) {
        if (json !== undefined) mend(json, definition, isStrict)
        return json
      },
    })
    return { schema: { ...described, $schema: 'https://json-schema.org/draft/2020-12/schema' }, warnings: [] }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { schema: { type: 'object' }, warnings: [`the documentation of the parameters is incomplete: ${reason}`] }
  }
}

function mend(json: object, parsed: object, isStrict: (definition: object) => boolean): void {
  const definition = zod3Definition.parse(parsed)
  switch (definition.typeName) {
    case Kind.ZodObject:
      if (
        definition.unknownKeys === 'strip' &&
        !isStrict(definition) &&
        Reflect.get(json, 'additionalProperties') === false
      )
        Reflect.deleteProperty(json, 'additionalProperties')
      break
    case Kind.ZodDefault:
      if (definition.defaultValue() === undefined || isRandomDefault(() => definition.defaultValue()))
        Reflect.deleteProperty(json, 'default')
      break
    case Kind.ZodTuple:
      // Before 2020-12 these two had other names.
      rename(json, 'items', 'prefixItems')
      rename(json, 'additionalItems', 'items')
      break
    case Kind.ZodMap:
      // No JSON is a map. What makes one of it takes what it likes.
      for (const name of Object.keys(json)) if (name !== 'description') Reflect.deleteProperty(json, name)
      break
    default:
  }
}

function rename(json: object, from: string, to: string): void {
  if (!isRecord(json) || !Object.hasOwn(json, from)) return
  Reflect.set(json, to, json[from])
  Reflect.deleteProperty(json, from)
}

function isAbove(path: readonly string[], below: readonly string[]): boolean {
  return path.length < below.length && path.every((step, index) => below[index] === step)
}
