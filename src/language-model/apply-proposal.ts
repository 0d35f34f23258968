import { ParameterChoiceError } from '../converter/parameters/apply-choice.ts'
import type { ParameterChoice } from '../converter/parameters/choose-parameters.ts'
import { reservedParameterNames } from '../converter/parameters/name-parameters.ts'
import type { Parameter, ParameterPlan } from '../converter/parameters/parameter-plan.ts'
import type { Proposal } from './proposal.ts'
import { oneLine, paragraphs, textProblem } from './text-problem.ts'

/** What a proposal is about, and what it may not touch. */
export interface ProposalBasis {
  /** Chosen without a model. */
  readonly plan: ParameterPlan
  /** Inputs that could be parameters, as `node.input`. */
  readonly exposable: ReadonlySet<string>
  /** Inputs whose parameters stay. */
  readonly kept: ReadonlySet<string>
  /** Inputs whose parameters have the name that somebody asked for. */
  readonly named: ReadonlySet<string>
  /** Chooses again, with what is asked for beside what was asked for before. */
  readonly choose: (choice: Pick<ParameterChoice, 'expose' | 'hide'>) => ParameterPlan
}

export type AppliedProposal =
  { readonly ok: true; readonly plan: ParameterPlan } | { readonly ok: false; readonly problems: readonly string[] }

export const textLimits = { name: 40, summary: 100, parameter: 200, description: 1500 } as const

const nameForm = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/

/**
 * The plan with what a proposal says, or everything that is wrong with it, in words for the model. What a proposal leaves
 * out stays as it is. Targets, types and defaults are those of the choice of parameters, whatever the proposal says.
 */
export function applyProposal(proposal: Proposal, basis: ProposalBasis): AppliedProposal {
  const problems: string[] = []
  const known = new Map(basis.plan.parameters.map((parameter) => [parameter.name, parameter]))
  const hidden = readHidden()
  const words = readParameters()
  const exposed = readExposed()
  const summary = checkedText('summary', oneLine(proposal.summary), textLimits.summary)
  const description = checkedText('description', paragraphs(proposal.description), textLimits.description)
  const plan = problems.length === 0 ? choose() : undefined
  const parameters = plan === undefined ? [] : plan.parameters.map(rename)
  for (const name of repeated(parameters.map(({ name }) => name))) {
    problems.push(`Two parameters would be called ${name}.`)
  }
  if (plan === undefined || problems.length > 0) return { ok: false, problems }
  const names = new Map(plan.parameters.map(({ name }, index) => [name, parameters[index]?.name ?? name]))
  return {
    ok: true,
    plan: {
      ...plan,
      ...(summary !== '' && { summary }),
      ...(description !== '' && { description }),
      parameters,
      warnings: plan.warnings.map((warning) => withNewName(warning, names)),
    },
  }

  function readHidden(): readonly Parameter[] {
    return [...new Set(proposal.hide)].flatMap((name) => {
      const parameter = known.get(name)
      if (parameter === undefined) problems.push(`hide: there is no parameter ${quoted(name)}.`)
      else if (isIn(basis.kept, parameter)) problems.push(`hide: ${name} must stay a parameter.`)
      else if (parameter.default.kind === 'none') problems.push(`hide: callers must send ${name}.`)
      else return [parameter]
      return []
    })
  }

  /** Place of a parameter → its new words. */
  function readParameters(): ReadonlyMap<string, Words> {
    for (const name of repeated(proposal.parameters.map((each) => each.name))) {
      problems.push(`parameters: ${quoted(name)} is there twice.`)
    }
    return new Map(
      proposal.parameters.flatMap((each) => {
        const parameter = known.get(each.name)
        if (parameter === undefined) {
          problems.push(`parameters: there is no parameter ${quoted(each.name)}.`)
          return []
        }
        const isRenamed = each.new_name !== each.name
        if (isRenamed && isIn(basis.named, parameter)) problems.push(`parameters: ${each.name} must keep its name.`)
        else if (isRenamed) checkName(each.new_name)
        return [[placeOf(parameter), readWords(each.name, each.new_name, each.description)]]
      }),
    )
  }

  function readExposed(): ReadonlyMap<string, Words> {
    for (const input of repeated(proposal.expose.map((each) => each.input))) {
      problems.push(`expose: ${quoted(input)} is there twice.`)
    }
    return new Map(
      proposal.expose.map(({ input, name, description: text }) => {
        if (!basis.exposable.has(input)) problems.push(`expose: ${quoted(input)} is no input that can be exposed.`)
        checkName(name)
        return [input, readWords(name, name, text)]
      }),
    )
  }

  function readWords(of: string, name: string, text: string): Words {
    return { name, description: checkedText(`description of ${quoted(of)}`, oneLine(text), textLimits.parameter) }
  }

  function checkName(name: string): void {
    if (!nameForm.test(name)) problems.push(`${quoted(name)} is not snake_case.`)
    else if (name.length > textLimits.name)
      problems.push(`${quoted(name)} is longer than ${textLimits.name} characters.`)
    else if (reservedParameterNames.has(name) || name in Object.prototype)
      problems.push(`${quoted(name)} has another meaning and cannot be the name of a parameter.`)
  }

  function checkedText(what: string, text: string, maxLength: number): string {
    const problem = textProblem(text, maxLength)
    if (problem !== undefined) problems.push(`The ${what} ${problem}.`)
    return text
  }

  function choose(): ParameterPlan | undefined {
    try {
      return basis.choose({
        expose: [...exposed.keys()],
        hide: hidden.flatMap(({ targets }) => targets.map(({ node, input }) => `${node}.${input}`)),
      })
    } catch (error) {
      if (!(error instanceof ParameterChoiceError)) throw error
      problems.push(error.message)
      return undefined
    }
  }

  function rename(parameter: Parameter): Parameter {
    const places = placesOf(parameter)
    const given =
      words.get(placeOf(parameter)) ?? places.map((place) => exposed.get(place)).find((each) => each !== undefined)
    const before = basis.plan.parameters.find((each) => placeOf(each) === placeOf(parameter))
    const name = given?.name ?? before?.name ?? parameter.name
    const text = given?.description ?? ''
    return { ...parameter, name, description: text === '' ? parameter.description : text }
  }
}

interface Words {
  readonly name: string
  readonly description: string
}

export function placesOf({ targets }: Parameter): readonly string[] {
  return targets.map(({ node, input }) => `${node}.${input}`)
}

function placeOf(parameter: Parameter): string {
  return placesOf(parameter)[0] ?? ''
}

function isIn(places: ReadonlySet<string>, parameter: Parameter): boolean {
  return placesOf(parameter).some((place) => places.has(place))
}

function repeated(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.filter((name, index) => names.indexOf(name) !== index))
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 60))
}

/** Warnings begin with the parameter that they are about. */
function withNewName(warning: string, names: ReadonlyMap<string, string>): string {
  const [, name = ''] = /^Parameter (\w+) \(/.exec(warning) ?? []
  return name === '' ? warning : warning.replace(name, () => names.get(name) ?? name)
}
