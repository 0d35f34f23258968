import { isRecord } from '../../lib/json-record.ts'
import { isPromptLink, type Prompt, type PromptInput } from '../../comfyui/wire/prompt.ts'
import { type FieldHelper, helperFor } from '../parameters/field-helper.ts'
import { compareIds } from '../parameters/prompt-graph.ts'
import type {
  Choice,
  Parameter,
  ParameterPlan,
  ParameterTarget,
  PlannedModel,
  PlannedPack,
} from '../parameters/parameter-plan.ts'
import { printText } from './print-literal.ts'
import { isDeepStrictEqual } from 'node:util'
import { lineWidth, printExpression } from './print-source.ts'
import { textWidth } from './text-width.ts'
import { code, number, text, valueExpression, type Call, type Entry, type Expression } from './source-expression.ts'

/** Of what a module may import, whether it does or not. */
const helperNames: readonly FieldHelper['name'][] = [
  'image',
  'mask',
  'video',
  'audio',
  'model',
  'sampler',
  'scheduler',
  'seed',
]
/** Longer defaults stand above the schema under a name of their own. */
const maxInlineText = 60

/**
 * The source of a workflow module, as a person would write it: the parameters of `plan` where they belong in `prompt`.
 * Formatted as the project is; the same arguments give the same text.
 */
export function writeModule(plan: ParameterPlan, prompt: Prompt): string {
  const constants = nameConstants(plan.parameters)
  const entries: Entry[] = [
    { key: 'summary', value: text(plan.summary) },
    ...(plan.description === undefined ? [] : [{ key: 'description', value: text(plan.description), isClose: true }]),
    { key: 'RequestSchema', value: schemaExpression(plan.parameters, prompt, constants) },
    { key: 'generateWorkflow', value: graphExpression(plan, prompt, constants) },
    ...(plan.outputs.length === 0 ? [] : [{ key: 'outputs', value: outputsExpression(plan) }]),
    ...metadataEntry(plan),
  ]
  const definition = printExpression({ kind: 'object', entries, layout: 'paragraphs' }, '', 0, 0)
  const paragraphs = [
    imports(plan.parameters, prompt),
    ...[...constants.values()].map(printConstant),
    `export default defineWorkflow(${definition})`,
  ]
  return `${paragraphs.join('\n\n')}\n`
}

function imports(parameters: readonly Parameter[], prompt: Prompt): string {
  const helpers = new Set(parameters.flatMap((parameter) => helperFor(parameter, prompt)?.name ?? []))
  const names = ['defineWorkflow', ...[...helpers].sort()]
  return `import { z } from 'zod'\nimport { ${names.join(', ')} } from 'comfyui-api'`
}

interface Constant {
  readonly name: string
  /** The text of a default, or the choices that schema and graph share. */
  readonly value: string | readonly string[]
}

/** Parameter → what is written above the module for it. */
type Constants = ReadonlyMap<Parameter, Constant>

function nameConstants(parameters: readonly Parameter[]): Constants {
  const constants = new Map<Parameter, Constant>()
  const used = new Set(['z', 'defineWorkflow', 'input', ...helperNames])
  for (const parameter of parameters) {
    const { value, type, name } = parameter
    const choices = positionChoices(parameter)
    if (choices !== undefined) {
      constants.set(parameter, { name: unused(`${camelCase(name)}Choices`), value: choices })
    } else if (
      parameter.default.kind === 'value' &&
      type.kind === 'text' &&
      typeof value === 'string' &&
      isLong(value)
    ) {
      constants.set(parameter, { name: unused(camelCase(`default_${name}`)), value })
    }
  }
  return constants

  function unused(name: string): string {
    let free = name
    for (let count = 2; used.has(free); count += 1) free = `${name}${count}`
    used.add(free)
    return free
  }
}

function isLong(value: string): boolean {
  return value.length > maxInlineText || value.includes('\n')
}

function camelCase(name: string): string {
  return name.replace(/(?<=.)_+(.)/g, (_, letter: string) => letter.toUpperCase())
}

/** The choices whose position the graph wants, too; those at the end that say nothing are left out. */
function positionChoices({ targets }: Parameter): readonly string[] | undefined {
  const form = targets.map((target) => target.form).find(({ kind }) => kind === 'position')
  if (form?.kind !== 'position') return undefined
  return form.choices.slice(0, form.choices.findLastIndex((choice) => choice !== '') + 1)
}

function printConstant({ name, value }: Constant): string {
  const head = `const ${name} =`
  if (typeof value !== 'string') {
    const list: Expression = { kind: 'array', items: value.map(text) }
    return `${head} ${printExpression(list, '', head.length + 1, ' as const'.length)} as const`
  }
  const printed = printExpression(text(value), '', 0, 0)
  const isBeside = printed.startsWith('`') || head.length + 1 + textWidth(printed) <= lineWidth
  return isBeside ? `${head} ${printed}` : `${head}\n  ${printed}`
}

function schemaExpression(parameters: readonly Parameter[], prompt: Prompt, constants: Constants): Expression {
  const entries = parameters.map((parameter) => ({
    key: parameter.name,
    value: parameterExpression(parameter, prompt, constants.get(parameter)),
  }))
  if (entries.length === 0) return code('z.object({})')
  return { kind: 'wrapped', opening: 'z.object(', inner: { kind: 'object', entries, layout: 'lines' }, closing: ')' }
}

function parameterExpression(parameter: Parameter, prompt: Prompt, constant: Constant | undefined): Expression {
  const { description } = parameter
  const helper = helperFor(parameter, prompt)
  const end: Call[] = [
    ...(parameter.default.kind === 'value'
      ? [{ name: 'default', argument: defaultExpression(parameter, constant) }]
      : []),
    { name: 'describe', argument: text(description) },
  ]
  if (helper !== undefined) return { kind: 'chain', head: helperCall(helper), calls: end }
  return { kind: 'chain', head: 'z', calls: [...typeCalls(parameter, constant), ...end] }
}

function helperCall(helper: FieldHelper): string {
  switch (helper.name) {
    case 'model':
      return `model(${printText(helper.folder)})`
    case 'seed': {
      const limits = Object.entries(helper.limits).map(([name, value]) => `${name}: ${value}`)
      return limits.length === 0 ? 'seed()' : `seed({ ${limits.join(', ')} })`
    }
    default:
      return `${helper.name}()`
  }
}

function typeCalls({ type }: Parameter, constant: Constant | undefined): readonly Call[] {
  switch (type.kind) {
    case 'integer':
    case 'number':
      return [
        { name: type.kind === 'integer' ? 'int' : 'number' },
        ...limit('min', type.min),
        ...limit('max', type.max),
        ...(type.kind === 'integer' ? limit('multipleOf', type.multipleOf) : []),
      ]
    case 'boolean':
      return [{ name: 'boolean' }]
    case 'name':
      return [{ name: 'string' }, { name: 'min', argument: number(1) }]
    case 'choice':
      return [choiceCall(type.choices, constant)]
    case 'choices':
      return [{ name: 'array', argument: { kind: 'chain', head: 'z', calls: [choiceCall(type.choices, constant)] } }]
    case 'text':
    case 'media':
      return [{ name: 'string' }]
  }
}

function choiceCall(choices: readonly Choice[], constant: Constant | undefined): Call {
  const isTexts = choices.every((choice) => typeof choice === 'string')
  const list: Expression = { kind: 'array', items: choices.map(valueExpression) }
  const isShared = constant !== undefined && isDeepStrictEqual(constant.value, choices)
  return { name: isTexts ? 'enum' : 'literal', argument: isShared ? code(constant.name) : list }
}

function limit(name: string, value: number | undefined): readonly Call[] {
  return value === undefined ? [] : [{ name, argument: number(value) }]
}

function defaultExpression(parameter: Parameter, constant: Constant | undefined): Expression {
  if (constant !== undefined && typeof constant.value === 'string') return code(constant.name)
  const { value, type } = parameter
  if (type.kind === 'choices' && isRecord(value)) return valueExpression(value['__value__'])
  return valueExpression(value)
}

function graphExpression(plan: ParameterPlan, prompt: Prompt, constants: Constants): Expression {
  const expressions = new Map<string, Expression>()
  for (const parameter of plan.parameters) {
    for (const target of parameter.targets) {
      expressions.set(placeOf(target.node, target.input), targetExpression(parameter, target, constants.get(parameter)))
    }
  }
  const entries = Object.keys(prompt)
    .sort(compareIds)
    .flatMap((id) => {
      const node = prompt[id]
      if (node === undefined) return []
      const inputs = Object.entries(node.inputs).map(([key, value]) => ({
        key,
        value: expressions.get(placeOf(id, key)) ?? inputExpression(value),
      }))
      return [{ key: id, value: nodeExpression(node.class_type, inputs, plan.titles.get(id)) }]
    })
  const opening = plan.parameters.length === 0 ? '() => (' : '(input) => ('
  return { kind: 'wrapped', opening, inner: { kind: 'object', entries, layout: 'lines' }, closing: ')' }
}

function placeOf(node: string, input: string): string {
  return `${node}\0${input}`
}

function nodeExpression(classType: string, inputs: readonly Entry[], title: string | undefined): Expression {
  return {
    kind: 'object',
    entries: [
      { key: 'class_type', value: text(classType) },
      { key: 'inputs', value: { kind: 'object', entries: inputs } },
      ...(title === undefined ? [] : [{ key: '_meta', value: valueExpression({ title }) }]),
    ],
  }
}

function inputExpression(value: PromptInput): Expression {
  return isPromptLink(value) ? code(`[${printText(value[0])}, ${value[1]}]`) : valueExpression(value)
}

function targetExpression({ name }: Parameter, { form }: ParameterTarget, constant: Constant | undefined): Expression {
  const value = code(`input.${name}`)
  switch (form.kind) {
    case 'value':
      return value
    case 'wrapped':
      return { kind: 'object', entries: [{ key: '__value__', value }] }
    case 'position':
      return code(`${constant?.name ?? '[]'}.indexOf(input.${name})`)
  }
}

function outputsExpression({ outputs }: ParameterPlan): Expression {
  return { kind: 'object', entries: outputs.map(({ name, node }) => ({ key: name, value: text(node) })) }
}

function metadataEntry({ requiredModels, requiredNodes }: ParameterPlan): readonly Entry[] {
  const entries = [
    ...(requiredModels.length === 0 ? [] : [{ key: 'requiredModels', value: listOf(requiredModels.map(modelRecord)) }]),
    ...(requiredNodes.length === 0 ? [] : [{ key: 'requiredNodes', value: listOf(requiredNodes.map(packRecord)) }]),
  ]
  return entries.length === 0 ? [] : [{ key: 'metadata', value: { kind: 'object', entries } }]
}

function listOf(records: readonly Readonly<Record<string, unknown>>[]): Expression {
  return { kind: 'array', items: records.map(valueExpression) }
}

function modelRecord({ name, directory, url, sha256 }: PlannedModel): Readonly<Record<string, unknown>> {
  return {
    name,
    ...(directory !== undefined && { directory }),
    ...(url !== undefined && { url }),
    ...(sha256 !== undefined && { sha256 }),
  }
}

function packRecord({ pack, version, url, classTypes }: PlannedPack): Readonly<Record<string, unknown>> {
  return { pack, ...(version !== undefined && { version }), ...(url !== undefined && { url }), classTypes }
}
