import { z } from 'zod'
import type { z as z3 } from 'zod/v3'

/** A schema of Zod 3, whichever copy of it made it. */
export type Zod3Schema = z3.ZodTypeAny

/** The definition of a schema of Zod 3; `typeName` tells which kind it is. */
export type Zod3Definition = z3.ZodFirstPartySchemaTypes['_def']

export const zod3Definition = z.custom<Zod3Definition>(
  (value) => typeof value === 'object' && value !== null && 'typeName' in value && typeof value.typeName === 'string',
)

/** A module may bring its own copy, so the class says nothing: a schema is what has a definition and can parse. */
export const zod3Schema = z.custom<Zod3Schema>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    '_def' in value &&
    zod3Definition.safeParse(value._def).success &&
    'safeParse' in value &&
    typeof value.safeParse === 'function',
)

export function zod3DefinitionOf(schema: Zod3Schema): Zod3Definition {
  return zod3Definition.parse(schema._def)
}
