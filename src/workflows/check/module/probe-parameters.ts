import { isDeepStrictEqual } from 'node:util'
import { modelFolder } from '../../../comfyui/wire/model-folders.ts'
import type { NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import { inputType, type NodeLookup } from '../../../comfyui/wire/object-info.ts'
import type { Prompt } from '../../../comfyui/wire/prompt.ts'
import type { DeclaredInput } from '../../../comfyui/wire/verdict/compile-node.ts'
import { declaredInputs } from '../../../comfyui/wire/verdict/declared-inputs.ts'
import { nodeValidator } from '../../../comfyui/wire/verdict/node-validators.ts'
import { graphDifference, graphForm, type ChangedInput, type GraphDifference } from './graph-difference.ts'
import { reachedNodes } from '../prompt/reached-nodes.ts'
import type { WorkflowParameter } from './workflow-parameters.ts'
import { valueAt, type Choice, type WorkflowTrials } from './workflow-trials.ts'

/** A place in a graph, and the class of its node. */
export interface InputPlace {
  readonly node: string
  readonly classType: string
  readonly input: string
}

/** What is known of the effect of one parameter. */
export interface ProbedParameter {
  readonly parameter: WorkflowParameter
  /** Whether the schema took another value than the one that the check starts from. */
  isTried: boolean
  /** Whether it changes anything that ComfyUI looks at. */
  isAlive: boolean
  /** Values that make graphs of another form, of those of one form the first; and all of what is always a switch. */
  readonly turning: { readonly value: unknown; readonly form: string | undefined }[]
  readonly forms: Set<string>
  /** Inputs that it changes. Direct: they are what it is. */
  readonly feeds: Map<string, InputPlace & { readonly isDirect: boolean }>
  /** What it changes that ComfyUI does not look at: inputs, or nodes where there is no input. */
  readonly idle: (Omit<InputPlace, 'input'> & { readonly input?: string; readonly undeclared: Undeclared })[]
  /** Values that an input does not have in its list. */
  readonly unlisted: Map<string, InputPlace & { readonly values: Set<unknown> }>
  /** Inputs that take less than its schema. */
  readonly tooWide: Map<string, InputPlace & Pick<DeclaredInput, 'min' | 'max'>>
}

/** Whether ComfyUI ignores an input: classes of custom nodes may take what they do not declare. */
export type Undeclared = 'no' | 'probably' | 'surely'

export interface ProbeOptions {
  readonly trials: WorkflowTrials
  readonly catalogue: NodeCatalogue
  readonly body: Readonly<Record<string, unknown>>
  /** Inputs that differ between two graphs of the same parameters, or that ComfyUI does not look at. */
  readonly isRandom: (node: string, input: string) => boolean
  readonly undeclared: (node: string, input: string) => Undeclared
}

export interface ParameterProbe {
  /** Tries the values of a parameter among other choices. `graph` is the graph of those. */
  probe(probed: ProbedParameter, choices: readonly Choice[], graph: Prompt): Promise<void>
}

/** Of a long list that does nothing with the defaults, as many values are tried among other choices. */
const telling = 3
/** So many values that go straight into a list, and the rest do too. */
const convincing = 2
/** Longer lists are of names, not of switches. */
const maxTurns = 6

export function newProbe(parameter: WorkflowParameter): ProbedParameter {
  return {
    parameter,
    isTried: false,
    isAlive: false,
    turning: [],
    forms: new Set(),
    feeds: new Map(),
    idle: [],
    unlisted: new Map(),
    tooWide: new Map(),
  }
}

/** Finds out what parameters change, by making graphs with other values of them. */
export function createParameterProbe({ trials, catalogue, body, isRandom, undeclared }: ProbeOptions): ParameterProbe {
  const declared = new WeakMap<Prompt, Map<string, ReadonlyMap<string, DeclaredInput>>>()
  const reached = new WeakMap<Prompt, ReadonlySet<string>>()

  return {
    async probe(probed, choices, graph) {
      const { parameter } = probed
      const others = choices.filter((choice) => choice.parameter.pointer !== parameter.pointer)
      const isThere = parameter.within.every(({ path }) => !isEmpty(valueAt(body, path)))
      const usual = valueAt(body, parameter.path)
      // Where it lies in is not there, its own first value is what others are compared with.
      let reference = isThere ? graph : undefined
      if (reference !== undefined) probed.forms.add(graphForm(reference))
      let tried = 0
      let listed = 0
      for (const value of parameter.values) {
        if (isThere && isDeepStrictEqual(value, usual)) continue
        if (tried >= telling && others.length > 0 && isMute(probed)) break
        if (listed >= convincing && isListed(probed, value)) continue
        const built = await trials.build([...others, { parameter, value }])
        if (built.kind === 'refused') continue
        tried += 1
        if (built.kind === 'failed') {
          probed.isTried = true
          probed.isAlive = true
          probed.turning.push({ value, form: undefined })
          continue
        }
        if (reference === undefined) {
          reference = built.prompt
          probed.forms.add(graphForm(reference))
          continue
        }
        probed.isTried = true
        const difference = graphDifference(reference, built.prompt, isRandom)
        if (difference === undefined) continue
        note(probed, value, reference, built.prompt, difference)
        if (goesIntoLists(difference, value, built.prompt)) listed += 1
      }
      if (listed === 0 && probed.isAlive) turnAll(probed)
    },
  }

  function note(
    probed: ProbedParameter,
    value: unknown,
    before: Prompt,
    after: Prompt,
    difference: GraphDifference,
  ): void {
    if (isEffective(before, after, difference)) probed.isAlive = true
    else noteIdle(probed, after, difference)
    if (difference.isStructural) {
      const form = graphForm(after)
      if (!probed.forms.has(form)) probed.turning.push({ value, form })
      probed.forms.add(form)
      return
    }
    if (isSwitch(probed.parameter, value) && !probed.turning.some((turn) => turn.value === value)) {
      probed.turning.push({ value, form: undefined })
    }
    for (const change of difference.inputs) {
      const place = placeOf(change, after)
      const key = `${place.node}\0${place.input}`
      const isDirect = change.after === value || probed.feeds.get(key)?.isDirect === true
      probed.feeds.set(key, { ...place, isDirect })
      judge(probed, key, place, change, value, after)
    }
  }

  function noteIdle({ idle }: ProbedParameter, after: Prompt, { inputs, nodes }: GraphDifference): void {
    for (const change of inputs) {
      const place = placeOf(change, after)
      idle.push({ ...place, undeclared: undeclared(place.node, place.input) })
    }
    for (const node of nodes) idle.push({ node, classType: after[node]?.class_type ?? '', undeclared: 'no' })
  }

  function judge(
    { parameter, unlisted, tooWide }: ProbedParameter,
    key: string,
    place: InputPlace,
    { after }: ChangedInput,
    value: unknown,
    prompt: Prompt,
  ): void {
    const input = declaredAt(prompt, place)
    if (input === undefined) return
    const { min, max } = input
    if (typeof after === 'number' && ((min !== undefined && after < min) || (max !== undefined && after > max))) {
      tooWide.set(key, { ...place, min, max })
    }
    if (parameter.kind !== 'choice' || !hasList(input, place) || input.choices?.has(after) !== false) return
    const found = unlisted.get(key) ?? { ...place, values: new Set() }
    found.values.add(value)
    unlisted.set(key, found)
  }

  function isEffective(before: Prompt, after: Prompt, { nodes, inputs }: GraphDifference): boolean {
    const runs = (prompt: Prompt, node: string): boolean => reachedIn(prompt).has(node)
    return (
      nodes.some((node) => runs(before, node) || runs(after, node)) ||
      inputs.some(({ node, input }) => (runs(before, node) || runs(after, node)) && undeclared(node, input) === 'no')
    )
  }

  function goesIntoLists({ inputs, nodes }: GraphDifference, value: unknown, prompt: Prompt): boolean {
    return (
      nodes.length === 0 &&
      inputs.length > 0 &&
      inputs.every((change) => {
        const place = placeOf(change, prompt)
        const input = declaredAt(prompt, place)
        return change.after === value && input !== undefined && hasList(input, place)
      })
    )
  }

  /** Whether all lists that the parameter goes into have a value. */
  function isListed({ feeds }: ProbedParameter, value: unknown): boolean {
    return [...feeds.values()].every((place) => {
      const definition = catalogue.lookUp(place.classType)
      const input = definition && declaredInputs(definition, {}, false).find(({ name }) => name === place.input)
      return input?.choices?.has(value) === true
    })
  }

  /** Whether ComfyUI compares the values of an input with a list that is known. */
  function hasList({ choices, spec, takesMany }: DeclaredInput, { classType, input }: InputPlace): boolean {
    if (choices === undefined || takesMany || nodeValidator(classType)?.takes.includes(input) === true) return false
    if (typeof inputType(spec) === 'string' && !catalogue.rules.checksComboOptions) return false
    return catalogue.knowsFiles || (choices.all.length > 0 && modelFolder(classType, input) === undefined)
  }

  function declaredAt(prompt: Prompt, { node, input, classType }: InputPlace): DeclaredInput | undefined {
    let nodes = declared.get(prompt)
    if (nodes === undefined) {
      nodes = new Map<string, ReadonlyMap<string, DeclaredInput>>()
      declared.set(prompt, nodes)
    }
    let inputs = nodes.get(node)
    if (inputs === undefined) {
      const definition = catalogue.lookUp(classType)
      const values = prompt[node]?.inputs ?? {}
      const all =
        definition === undefined ? [] : declaredInputs(definition, values, catalogue.rules.expandsDynamicInputs)
      inputs = new Map(all.map((each) => [each.name, each] as const))
      nodes.set(node, inputs)
    }
    return inputs.get(input)
  }

  function reachedIn(prompt: Prompt): ReadonlySet<string> {
    let nodes = reached.get(prompt)
    if (nodes === undefined) reached.set(prompt, (nodes = reachedNodes(prompt, orOutput(catalogue.lookUp))))
    return nodes
  }
}

const unknownOutput = { input: {}, output: [], output_node: true }

/** Of a class that is not known, nobody can say that it is no output. */
function orOutput(lookUp: NodeLookup): NodeLookup {
  return (classType) => lookUp(classType) ?? unknownOutput
}

/** Whether a value is always tried together with other choices, whatever it changes. */
function isSwitch({ kind }: WorkflowParameter, value: unknown): boolean {
  return kind === 'boolean' || kind === 'other' || value === undefined || value === null
}

/** A module may do something else with each value of a short list, if only where others are chosen too. */
export function turnAll({ parameter: { kind, values }, turning }: ProbedParameter): void {
  if ((kind !== 'choice' && kind !== 'boolean') || values.length > maxTurns) return
  for (const value of values) {
    if (!turning.some((turn) => isDeepStrictEqual(turn.value, value))) turning.push({ value, form: undefined })
  }
}

/** A long list of which none does anything. */
function isMute({ parameter, isAlive, idle }: ProbedParameter): boolean {
  return parameter.values.length > maxTurns && !isAlive && idle.length === 0
}

function placeOf({ node, input }: ChangedInput, prompt: Prompt): InputPlace {
  return { node, input, classType: prompt[node]?.class_type ?? '' }
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0)
}
