import { z } from 'zod'
import { ZodFirstPartyTypeKind as Kind } from 'zod/v3'
import { zod3DefinitionOf, type Zod3Definition, type Zod3Schema } from './zod3-schema.ts'

export interface MirroredSchema {
  /** The structure of the schema in Zod 4: names, nesting, defaults and choices. It checks nothing else. */
  readonly schema: z.ZodType
  /** Definition of an object in Zod 3 → its mirror. */
  readonly objects: ReadonlyMap<object, z.ZodType>
}

/**
 * Mirrors a schema of Zod 3, so that everything that only asks how parameters are built (unknown keys, media, which
 * parameter feeds which node) knows one generation. Values are parsed by the schema itself: its limits, refinements and
 * transformations are not in the mirror.
 */
export function mirrorSchema(root: Zod3Schema): MirroredSchema {
  const mirrors = new Map<object, z.ZodType>()
  const objects = new Map<object, z.ZodType>()

  function mirror(schema: Zod3Schema): z.ZodType {
    const definition = zod3DefinitionOf(schema)
    const known = mirrors.get(definition)
    if (known !== undefined) return known
    const made = make(definition)
    mirrors.set(definition, made)
    return made
  }

  function make(definition: Zod3Definition): z.ZodType {
    switch (definition.typeName) {
      case Kind.ZodObject: {
        const fields = Object.entries(definition.shape()).map(([name, field]) => [name, mirror(field)] as const)
        const made = closed(z.object(Object.fromEntries(fields)), definition.unknownKeys, definition.catchall)
        objects.set(definition, made)
        return made
      }
      case Kind.ZodArray:
        return z.array(mirror(definition.type))
      case Kind.ZodRecord:
        return z.record(z.string(), mirror(definition.valueType))
      case Kind.ZodTuple:
        return mirrorTuple(definition.items, definition.rest)
      case Kind.ZodOptional:
        return z.optional(mirror(definition.innerType))
      case Kind.ZodNullable:
        return z.nullable(mirror(definition.innerType))
      case Kind.ZodDefault:
        return z._default(mirror(definition.innerType), () => definition.defaultValue())
      case Kind.ZodCatch:
        return z.optional(mirror(definition.innerType))
      case Kind.ZodReadonly:
        return mirror(definition.innerType)
      case Kind.ZodBranded:
        return mirror(definition.type)
      case Kind.ZodLazy:
        return z.lazy(() => mirror(definition.getter()))
      case Kind.ZodEffects:
        return mirrorEffect(mirror(definition.schema), definition.effect.type)
      case Kind.ZodPipeline:
        return mirror(definition.in).transform(unchanged)
      case Kind.ZodUnion:
        return z.union(definition.options.map(mirror))
      case Kind.ZodDiscriminatedUnion:
        return z.union(definition.options.map(mirror))
      case Kind.ZodIntersection:
        return z.intersection(mirror(definition.left), mirror(definition.right))
      case Kind.ZodEnum:
        return z.enum([...definition.values])
      case Kind.ZodNativeEnum:
        return z.enum(definition.values)
      case Kind.ZodLiteral:
        return mirrorLiteral(definition.value)
      case Kind.ZodString:
        return z.string()
      case Kind.ZodNumber:
        return z.number()
      case Kind.ZodBoolean:
        return z.boolean()
      case Kind.ZodNull:
        return z.null()
      default:
        return z.unknown()
    }
  }

  function closed(object: z.ZodObject, unknownKeys: string, catchall: Zod3Schema): z.ZodObject {
    if (zod3DefinitionOf(catchall).typeName !== Kind.ZodNever) return object.catchall(mirror(catchall))
    return unknownKeys === 'passthrough' ? object.loose() : object
  }

  function mirrorTuple(items: readonly Zod3Schema[], rest: Zod3Schema | null): z.ZodType {
    const [first, ...others] = items.map(mirror)
    if (first === undefined) return z.array(rest === null ? z.never() : mirror(rest))
    return rest === null ? z.tuple([first, ...others]) : z.tuple([first, ...others], mirror(rest))
  }

  return { schema: mirror(root), objects }
}

/** What a transformation makes is its own business, as in Zod 4. */
function mirrorEffect(inner: z.ZodType, effect: 'refinement' | 'transform' | 'preprocess'): z.ZodType {
  switch (effect) {
    case 'refinement':
      return inner
    case 'transform':
      return inner.transform(unchanged)
    case 'preprocess':
      return z.preprocess(unchanged, inner)
  }
}

function mirrorLiteral(value: unknown): z.ZodType {
  const literal = z.union([z.string(), z.number(), z.boolean(), z.null()]).safeParse(value)
  return literal.success ? z.literal(literal.data) : z.unknown()
}

function unchanged(value: unknown): unknown {
  return value
}
