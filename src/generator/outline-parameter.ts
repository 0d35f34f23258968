import type { Parameter, ParameterLevel, ParameterType } from '../converter/parameters/parameter-plan.ts'
import { isRecord } from '../lib/json-record.ts'

/** A parameter as people read it in a list. */
export interface ParameterOutline {
  readonly name: string
  readonly level: ParameterLevel
  /** Such as `integer 1–100`. */
  readonly type: string
  /** Undefined: callers must send it. */
  readonly default: string | undefined
  readonly description: string
  /** `node.input` of what it stands for. */
  readonly targets: readonly string[]
}

export function outlineParameter(parameter: Parameter): ParameterOutline {
  const { name, level, type, description, targets } = parameter
  return {
    name,
    level,
    type: describeType(type),
    default: describeDefault(parameter),
    description,
    targets: targets.map(({ node, input }) => `${node}.${input}`),
  }
}

function describeType(type: ParameterType): string {
  switch (type.kind) {
    case 'integer':
    case 'number':
      return [type.kind, ...describeLimits(type)].join(' ')
    case 'choice':
      return `one of ${type.choices.length}`
    case 'choices':
      return `some of ${type.choices.length}`
    case 'media':
      return type.media
    case 'boolean':
    case 'text':
    case 'name':
      return type.kind
  }
}

function describeLimits({ min, max }: { readonly min?: number; readonly max?: number }): readonly string[] {
  if (min !== undefined && max !== undefined) return [`${min}–${max}`]
  if (min !== undefined) return [`from ${min}`]
  return max === undefined ? [] : [`up to ${max}`]
}

function describeDefault({ default: given, value }: Parameter): string | undefined {
  switch (given.kind) {
    case 'none':
      return undefined
    case 'random':
      return 'random'
    case 'value':
      return JSON.stringify(isRecord(value) ? value['__value__'] : value)
  }
}
