import { isDeepStrictEqual } from 'node:util'
import type { Prompt, PromptInput } from '../comfyui/wire/prompt.ts'
import { isRecord } from '../lib/json-record.ts'
import type { Parameter, ParameterDefault, ParameterPlan, TargetForm } from './parameters/parameter-plan.ts'

/** A module as it was loaded. */
export interface LoadedModule {
  /** Checks what a caller sent, and fills in defaults. Throws where it is wrong. */
  parse(sent: unknown): unknown
  /** The graph for what `parse` gave. */
  generate(input: unknown): unknown
}

export interface VerifyModuleOptions {
  readonly module: LoadedModule
  readonly plan: ParameterPlan
  /** The prompt that the module was made of. */
  readonly prompt: Prompt
}

type Values = ReadonlyMap<string, unknown>

/**
 * What is wrong with a module that was made of a prompt; nothing where it may be written. It is right when
 * - a caller who sends the media only gets the prompt again: classes and inputs, exactly, with the file names sent and
 *   the seeds drawn in their places;
 * - the values of the workflow, sent, give the prompt again; seeds that became one have one value;
 * - another value of a parameter changes the inputs that the parameter stands for, and nothing else.
 */
export async function verifyModule(options: VerifyModuleOptions): Promise<readonly string[]> {
  const { plan } = options
  const problems: string[] = []
  const own = new Map(plan.parameters.map((parameter) => [parameter.name, valueOf(parameter)]))
  const needed = plan.parameters.filter((parameter) => parameter.default.kind === 'none')
  const sent = new Map(needed.map((parameter) => [parameter.name, valueOf(parameter)]))
  await attempt('with its defaults', () => tryDefaults(options, sent))
  await attempt('with the values of the workflow', () => tryValues(options, own))
  for (const parameter of plan.parameters) {
    const other = otherValue(parameter)
    if (other === undefined) continue
    await attempt(`with another ${parameter.name}`, async () => [
      ...(await tryValues(options, new Map([...own, [parameter.name, other]]))),
      ...unchanged(parameter, own, other),
    ])
  }
  return problems

  async function attempt(when: string, run: () => Promise<readonly string[]>): Promise<void> {
    try {
      for (const problem of await run()) problems.push(`${when}: ${problem}`)
    } catch (error) {
      problems.push(`${when}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

/** The prompt with other values in the places of parameters. */
export function fillPrompt(prompt: Prompt, parameters: readonly Parameter[], values: Values): Prompt {
  const filled = new Map(Object.entries(prompt).map(([id, node]) => [id, new Map(Object.entries(node.inputs))]))
  for (const parameter of parameters) {
    if (!values.has(parameter.name)) continue
    for (const { node, input, form } of parameter.targets) {
      filled.get(node)?.set(input, inForm(form, values.get(parameter.name)))
    }
  }
  return Object.fromEntries(
    Object.entries(prompt).map(([id, node]) => [id, { ...node, inputs: Object.fromEntries(filled.get(id) ?? []) }]),
  )
}

function inForm(form: TargetForm, value: unknown): PromptInput {
  switch (form.kind) {
    case 'value':
      return toInput(value)
    case 'wrapped':
      return { __value__: toInput(value) }
    case 'position':
      return form.choices.indexOf(String(value))
  }
}

function toInput(value: unknown): PromptInput {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return Array.isArray(value) ? value.map(toInput) : null
}

async function tryDefaults({ module, plan, prompt }: VerifyModuleOptions, sent: Values): Promise<readonly string[]> {
  const input = module.parse(Object.fromEntries(sent))
  if (!isRecord(input)) return ['the parameters are no object']
  const problems: string[] = []
  for (const parameter of plan.parameters) {
    const value = input[parameter.name]
    switch (parameter.default.kind) {
      case 'random': {
        if (!isDrawn(parameter.default, value)) problems.push(`the default of ${parameter.name} is ${String(value)}`)
        break
      }
      case 'value':
      case 'none':
        if (!isDeepStrictEqual(value, valueOf(parameter))) {
          problems.push(`${parameter.name} is ${shown(value)}, not ${shown(valueOf(parameter))}`)
        }
    }
  }
  const given = new Map(Object.entries(input))
  return [...problems, ...differences(await module.generate(input), fillPrompt(prompt, plan.parameters, given))]
}

/** Values of a workflow may lie outside of what callers can say, as large seeds do: these go past `parse`. */
async function tryValues({ module, plan, prompt }: VerifyModuleOptions, values: Values): Promise<readonly string[]> {
  const sayable = new Map([...values].filter(([name]) => !isUnsayable(plan, name, values.get(name))))
  const unsaid = [...values].filter(([name]) => !sayable.has(name))
  const parsed = module.parse(Object.fromEntries(sayable))
  if (!isRecord(parsed)) return ['the parameters are no object']
  const input = { ...parsed, ...Object.fromEntries(unsaid) }
  return differences(await module.generate(input), fillPrompt(prompt, plan.parameters, values))
}

function isUnsayable(plan: ParameterPlan, name: string, value: unknown): boolean {
  const parameter = plan.parameters.find((each) => each.name === name)
  if (parameter?.default.kind !== 'random') return false
  return !isDrawn(parameter.default, value)
}

function isDrawn({ from = 0, limit }: Extract<ParameterDefault, { kind: 'random' }>, value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= from && Number(value) < limit
}

/** Where a graph is another than was expected; titles say nothing. */
function differences(graph: unknown, expected: Prompt): readonly string[] {
  if (!isRecord(graph)) return ['the graph is no object']
  const problems: string[] = []
  for (const id of new Set([...Object.keys(graph), ...Object.keys(expected)])) {
    const made = Object.hasOwn(graph, id) ? graph[id] : undefined
    const wanted = Object.hasOwn(expected, id) ? expected[id] : undefined
    if (!isRecord(made) || wanted === undefined) {
      problems.push(wanted === undefined ? `node ${id} is new` : `node ${id} is missing`)
    } else if (made['class_type'] !== wanted.class_type) {
      problems.push(`node ${id} is a ${String(made['class_type'])}, not a ${wanted.class_type}`)
    } else {
      problems.push(...inputDifferences(id, made['inputs'], wanted.inputs))
    }
  }
  return problems
}

function inputDifferences(id: string, made: unknown, wanted: Readonly<Record<string, unknown>>): readonly string[] {
  const inputs = isRecord(made) ? made : {}
  const names = new Set([...Object.keys(inputs), ...Object.keys(wanted)])
  return [...names]
    .filter(
      (name) => Object.hasOwn(inputs, name) !== Object.hasOwn(wanted, name) || !isSame(inputs[name], wanted[name]),
    )
    .map((name) => `input ${name} of node ${id} is ${shown(inputs[name])}, not ${shown(wanted[name])}`)
}

function shown(value: unknown): string {
  const text = value === undefined ? 'missing' : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

/** Objects count by what they hold, not by how they were made. */
function isSame(made: unknown, wanted: unknown): boolean {
  if (Array.isArray(made) && Array.isArray(wanted)) {
    return made.length === wanted.length && made.every((item, index) => isSame(item, wanted[index]))
  }
  if (isRecord(made) && isRecord(wanted)) {
    const keys = Object.keys(made)
    const isLike = (key: string) => Object.hasOwn(wanted, key) && isSame(made[key], wanted[key])
    return keys.length === Object.keys(wanted).length && keys.every(isLike)
  }
  return Object.is(made, wanted)
}

function unchanged({ name, targets }: Parameter, own: Values, other: unknown): readonly string[] {
  const before = own.get(name)
  return targets
    .filter(({ form }) => isDeepStrictEqual(inForm(form, before), inForm(form, other)))
    .map(({ node, input }) => `input ${input} of node ${node} stays the same`)
}

/** What a caller sends to get the value of the workflow. */
function valueOf({ type, value }: Parameter): unknown {
  return type.kind === 'choices' && isRecord(value) ? value['__value__'] : value
}

/** Another value that callers may send; undefined where there is only one. */
export function otherValue(parameter: Parameter): unknown {
  const { type, value } = parameter
  switch (type.kind) {
    case 'boolean':
      return value !== true
    case 'integer': {
      const by = type.multipleOf ?? 1
      return [Number(value) + by, Number(value) - by, type.min, type.max].find(
        (each) => each !== undefined && each !== value && Number.isSafeInteger(each) && isWithin(each, type),
      )
    }
    case 'number':
      return [Number(value) + 1, Number(value) - 1, (Number(value) + (type.max ?? 0)) / 2, type.min, type.max].find(
        (each) => each !== undefined && each !== value && isWithin(each, type),
      )
    case 'text':
    case 'name':
      return `${typeof value === 'string' ? value : ''} and more`
    case 'media':
      return `other-${parameter.name}.bin`
    case 'choice':
      return type.choices.find((choice) => choice !== value)
    case 'choices': {
      const chosen = valueOf(parameter)
      return [[], type.choices.slice(0, 1)].find((each) => !isDeepStrictEqual(each, chosen))
    }
  }
}

function isWithin(value: number, { min, max }: { min?: number; max?: number }): boolean {
  return (min === undefined || value >= min) && (max === undefined || value <= max)
}
