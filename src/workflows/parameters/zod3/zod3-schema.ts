import { z } from 'zod'
import type { z as z3, ZodFirstPartyTypeKind as Kind } from 'zod/v3'

/** A schema of Zod 3, whichever copy of it made it. */
export type Zod3Schema = z3.ZodType<unknown, z3.ZodTypeDef, unknown>

/** The parts of a definition that are read here, by kind. */
interface KnownDefinitions {
  [Kind.ZodObject]: { shape: () => Record<string, Zod3Schema>; unknownKeys: string; catchall: Zod3Schema }
  [Kind.ZodArray]: { type: Zod3Schema }
  [Kind.ZodRecord]: { valueType: Zod3Schema }
  [Kind.ZodTuple]: { items: readonly Zod3Schema[]; rest: Zod3Schema | null }
  [Kind.ZodOptional]: { innerType: Zod3Schema }
  [Kind.ZodNullable]: { innerType: Zod3Schema }
  [Kind.ZodDefault]: { innerType: Zod3Schema; defaultValue: () => unknown }
  [Kind.ZodCatch]: { innerType: Zod3Schema }
  [Kind.ZodReadonly]: { innerType: Zod3Schema }
  [Kind.ZodBranded]: { type: Zod3Schema }
  [Kind.ZodLazy]: { getter: () => Zod3Schema }
  [Kind.ZodEffects]: { schema: Zod3Schema; effect: { type: 'refinement' | 'transform' | 'preprocess' } }
  [Kind.ZodPipeline]: { in: Zod3Schema }
  [Kind.ZodUnion]: { options: readonly Zod3Schema[] }
  [Kind.ZodDiscriminatedUnion]: { options: readonly Zod3Schema[] }
  [Kind.ZodIntersection]: { left: Zod3Schema; right: Zod3Schema }
  [Kind.ZodEnum]: { values: readonly string[] }
  [Kind.ZodNativeEnum]: { values: Readonly<Record<string, string | number>> }
  [Kind.ZodLiteral]: { value: unknown }
}

/** The definition of a schema of Zod 3; `typeName` tells which kind it is. */
export type Zod3Definition =
  | {
      [Name in keyof KnownDefinitions]: { readonly typeName: Name } & Readonly<KnownDefinitions[Name]>
    }[keyof KnownDefinitions]
  | { readonly typeName: Exclude<Kind, keyof KnownDefinitions> }

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
