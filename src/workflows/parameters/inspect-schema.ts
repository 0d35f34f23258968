import type { z } from 'zod'
import { coreModelFolders } from '../../comfyui/wire/model-folders.ts'
import type { FieldError } from '../../errors/gateway-error.ts'
import { pointerBelow } from '../../lib/json-pointer.ts'
import { isRecord } from '../../lib/json-record.ts'
import { nearestName } from '../../lib/nearest-name.ts'
import { mediaKindOf } from './media.ts'
import { nameListOf, type NameList } from './names.ts'
import type { MediaField, NameField } from '../served-workflow.ts'

/** Reports keys that the schema does not know, anywhere in `value`. */
export type CheckKeys = (value: unknown, pointer: string, report: (error: FieldError) => void) => void

/** What can be said about a schema without a value. */
export interface InspectedSchema {
  /** Undefined when there is nothing to check. */
  readonly checkKeys: CheckKeys | undefined
  /** The objects whose unknown keys are refused, by `checkKeys` or by themselves. */
  readonly strictObjects: ReadonlySet<z.core.$ZodType>
  readonly mediaFields: readonly MediaField[]
  readonly nameFields: readonly NameField[]
  readonly parameterNames: readonly string[]
  /** False when no JSON object can match. */
  readonly takesObject: boolean
  readonly warnings: readonly string[]
}

/**
 * Walks a Zod 4 schema once. Plain objects refuse unknown keys at every depth that is reached through optional, nullable,
 * default, prefault, catch, readonly, array, record, tuple and lazy; loose objects and those with a catch-all keep
 * theirs. What unions, intersections and transformations hold is left to themselves, with a warning.
 */
export function inspectSchema(schema: z.core.$ZodType): InspectedSchema {
  const strictObjects = new Set<z.core.$ZodType>()
  const mediaFields: MediaField[] = []
  const nameFields: NameField[] = []
  const warnings: string[] = []
  const checks = new Map<z.core.$ZodType, { check: CheckKeys | undefined; isReady: boolean }>()

  function compile(current: z.core.$ZodType, path: readonly string[]): CheckKeys | undefined {
    const known = checks.get(current)
    if (known !== undefined) {
      if (known.isReady) return known.check
      // Still being made: a schema that holds itself.
      return (value, pointer, report) => known.check?.(value, pointer, report)
    }
    const entry: { check: CheckKeys | undefined; isReady: boolean } = { check: undefined, isReady: false }
    checks.set(current, entry)
    entry.check = compileKind(definitionOf(current), current, path)
    entry.isReady = true
    return entry.check
  }

  function compileKind(
    definition: Definition,
    current: z.core.$ZodType,
    path: readonly string[],
  ): CheckKeys | undefined {
    switch (definition.type) {
      case 'object':
        return compileObject(definition, current, path)
      case 'array':
        return checkEach(compile(definition.element, [...path, '*']))
      case 'record':
        return checkEach(compile(definition.valueType, [...path, '*']))
      case 'tuple': {
        const items = definition.items.map((item, index) => compile(item, [...path, String(index)]))
        const rest = definition.rest === null ? undefined : compile(definition.rest, [...path, '*'])
        return checkItems(items, rest)
      }
      case 'lazy':
        return compile(definition.getter(), path)
      case 'optional':
      case 'nullable':
      case 'default':
      case 'prefault':
      case 'catch':
      case 'readonly':
      case 'nonoptional':
        return compile(definition.innerType, path)
      case 'union':
      case 'intersection':
      case 'pipe':
        if (holdsObject(current)) {
          warnings.push(
            `${path.length === 0 ? 'RequestSchema' : path.join('.')} is a ${definition.type}: unknown keys in it cannot be told from known ones`,
          )
        }
        return undefined
      default:
        return undefined
    }
  }

  function compileObject(
    definition: ObjectDefinition,
    current: z.core.$ZodType,
    path: readonly string[],
  ): CheckKeys | undefined {
    const names = Object.keys(definition.shape)
    const fields: [string, CheckKeys][] = []
    for (const [name, field] of Object.entries(definition.shape)) {
      const check = compile(field, [...path, name])
      if (check !== undefined) fields.push([name, check])
    }
    const catchall = definition.catchall
    const isStrict = catchall === undefined || definitionOf(catchall).type === 'never'
    const others = isStrict ? undefined : compile(catchall, [...path, '*'])
    if (isStrict) strictObjects.add(current)
    else if (fields.length === 0 && others === undefined) return undefined
    const isKnown = new Set(names)
    return (value, pointer, report) => {
      if (!isRecord(value)) return
      for (const key of Object.keys(value)) {
        if (isKnown.has(key)) continue
        if (isStrict) report(unknownKey(key, names, pointer))
        else others?.(value[key], pointerBelow(pointer, key), report)
      }
      for (const [name, check] of fields) {
        if (Object.hasOwn(value, name)) check(value[name], pointerBelow(pointer, name), report)
      }
    }
  }

  /** What schemas were marked with by the helpers of this package. */
  function collectMarks(
    current: z.core.$ZodType,
    path: readonly string[],
    ancestors: ReadonlySet<z.core.$ZodType>,
  ): void {
    if (ancestors.has(current)) return
    const kind = mediaKindOf(current)
    if (kind !== undefined) {
      addField(mediaFields, { path, kind })
      return
    }
    const list = nameListOf(current)
    if (list !== undefined) {
      addField(nameFields, { path, list })
      warnUnknownFolder(list, path)
      return
    }
    const within = new Set([...ancestors, current])
    const definition = definitionOf(current)
    switch (definition.type) {
      case 'object':
        for (const [name, field] of Object.entries(definition.shape)) collectMarks(field, [...path, name], within)
        break
      case 'array':
        collectMarks(definition.element, [...path, '*'], within)
        break
      case 'record':
      case 'tuple':
        if (partsOf(current).some((part) => mediaKindOf(unwrapSchema(part)) !== undefined)) {
          warnings.push(`${path.join('.')} is a ${definition.type} with media in it, which are not taken: use an array`)
        }
        break
      default:
        for (const part of partsOf(current)) collectMarks(part, path, within)
    }
  }

  function addField<Field extends { readonly path: readonly string[] }>(fields: Field[], field: Field): void {
    const place = field.path.join('\0')
    if (!fields.some((other) => other.path.join('\0') === place)) fields.push(field)
  }

  function warnUnknownFolder(list: NameList, path: readonly string[]): void {
    if (!('folder' in list) || isCoreFolder(list.folder)) return
    // Packs of custom nodes have folders of their own.
    const nearest = nearestName(list.folder, coreModelFolders)
    if (nearest === undefined) return
    warnings.push(
      `${path.join('.')} is model('${shorten(list.folder)}'), a folder that ComfyUI does not have; did you mean '${nearest}'?`,
    )
  }

  const checkKeys = compile(schema, [])
  collectMarks(schema, [], new Set())
  return {
    checkKeys,
    strictObjects,
    mediaFields,
    nameFields,
    parameterNames: parameterNames(schema),
    takesObject: takesObject(schema),
    warnings: [...new Set(warnings)],
  }
}

function isCoreFolder(name: string): boolean {
  return coreModelFolders.some((folder) => folder === name)
}

/** The schema inside of wrappers that change nothing but absence; with a step into pipes and lazy schemas. */
export function unwrapSchema(schema: z.core.$ZodType): z.core.$ZodType {
  let current = schema
  for (let depth = 0; depth < 100; depth += 1) {
    const definition = definitionOf(current)
    switch (definition.type) {
      case 'optional':
      case 'nullable':
      case 'default':
      case 'prefault':
      case 'catch':
      case 'readonly':
      case 'nonoptional':
        current = definition.innerType
        break
      case 'lazy':
        current = definition.getter()
        break
      case 'pipe':
        // What z.preprocess makes begins with a transformation; its schema comes second.
        current = definitionOf(definition.in).type === 'transform' ? definition.out : definition.in
        break
      default:
        return current
    }
  }
  return current
}

export type Definition = z.core.$ZodTypes['_zod']['def']
type ObjectDefinition = z.core.$ZodObjectDef

/** Zod types a schema by its output; its parts can be read only as one of all kinds. */
export function definitionOf(schema: z.core.$ZodType): Definition {
  // Zod looks at a field only when it parses, so any object may be one.
  if (!('_zod' in schema)) throw new Error('a field is no schema of Zod 4: expected a Zod schema')
  return (schema as z.core.$ZodTypes)._zod.def
}

/** The schemas directly inside of one. */
function partsOf(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const definition = definitionOf(schema)
  switch (definition.type) {
    case 'object':
      return Object.values(definition.shape)
    case 'array':
      return [definition.element]
    case 'record':
      return [definition.valueType]
    case 'tuple':
      return definition.rest === null ? definition.items : [...definition.items, definition.rest]
    case 'union':
      return definition.options
    case 'intersection':
      return [definition.left, definition.right]
    default: {
      const inner = unwrapSchema(schema)
      return inner === schema ? [] : [inner]
    }
  }
}

function holdsObject(schema: z.core.$ZodType, seen = new Set<z.core.$ZodType>()): boolean {
  if (seen.has(schema)) return false
  seen.add(schema)
  return definitionOf(schema).type === 'object' || partsOf(schema).some((part) => holdsObject(part, seen))
}

function parameterNames(schema: z.core.$ZodType): readonly string[] {
  const definition = definitionOf(unwrapSchema(schema))
  switch (definition.type) {
    case 'object':
      return Object.keys(definition.shape)
    case 'union':
      return [...new Set(definition.options.flatMap(parameterNames))]
    case 'intersection':
      return [...new Set([...parameterNames(definition.left), ...parameterNames(definition.right)])]
    default:
      return []
  }
}

function takesObject(schema: z.core.$ZodType): boolean {
  const definition = definitionOf(unwrapSchema(schema))
  switch (definition.type) {
    case 'object':
    case 'record':
    case 'any':
    case 'unknown':
    case 'custom':
    case 'intersection':
      return true
    case 'union':
      return definition.options.some(takesObject)
    default:
      return false
  }
}

function unknownKey(key: string, known: readonly string[], pointer: string): FieldError {
  const nearest = nearestName(key, known)
  const hint =
    nearest !== undefined
      ? `; did you mean "${nearest}"?`
      : known.length === 0
        ? '; there are no parameters here'
        : `; the parameters are ${known.map((name) => `"${name}"`).join(', ')}`
  return {
    pointer: pointerBelow(pointer, key),
    code: 'unknown_parameter',
    message: `unknown parameter "${shorten(key)}"${hint}`,
  }
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function checkEach(check: CheckKeys | undefined): CheckKeys | undefined {
  if (check === undefined) return undefined
  return (value, pointer, report) => {
    if (Array.isArray(value)) value.forEach((item, index) => check(item, pointerBelow(pointer, index), report))
    else if (isRecord(value)) {
      for (const [key, item] of Object.entries(value)) check(item, pointerBelow(pointer, key), report)
    }
  }
}

function checkItems(items: readonly (CheckKeys | undefined)[], rest: CheckKeys | undefined): CheckKeys | undefined {
  if (rest === undefined && items.every((item) => item === undefined)) return undefined
  return (value, pointer, report) => {
    if (!Array.isArray(value)) return
    value.forEach((item, index) => {
      const check = index < items.length ? items[index] : rest
      check?.(item, pointerBelow(pointer, index), report)
    })
  }
}
