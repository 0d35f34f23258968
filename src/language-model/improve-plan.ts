import type { Prompt } from '../comfyui/wire/prompt.ts'
import type { ParameterChoice } from '../converter/parameters/choose-parameters.ts'
import type { ExportHints } from '../converter/parameters/export-hints.ts'
import type { ParameterPlan } from '../converter/parameters/parameter-plan.ts'
import { applyProposal, placesOf, textLimits, type AppliedProposal, type ProposalBasis } from './apply-proposal.ts'
import { createChatModel, type ChatMessage, type ChatModel, type ChatService, type Usage } from './chat-model.ts'
import { LanguageModelError } from './language-model-error.ts'
import { proposalForm, readProposal } from './proposal.ts'
import { readJsonAnswer } from './read-json-answer.ts'
import { isSecretName, workflowFacts } from './workflow-facts.ts'

export interface ImprovePlanOptions {
  readonly service: ChatService
  /** What the model is told: a text with `{{answer}}` and `{{workflow}}` in it. */
  readonly instructions: string
  readonly prompt: Prompt
  readonly hints: ExportHints
  /** What somebody asked of the choice of parameters. The model does not change it. */
  readonly asked: ParameterChoice
  /** @throws ParameterChoiceError */
  readonly choose: (choice: ParameterChoice) => ParameterPlan
  /** What is wrong with the module of a plan; nothing where it may be written. */
  readonly verify: (plan: ParameterPlan) => Promise<readonly string[]>
  /** Told what is done, in a few words. */
  readonly onProgress?: (step: string) => void
}

export interface ImprovedPlan {
  readonly plan: ParameterPlan
  /** Why the plan is the one that was chosen without a model; undefined where the model had its say. */
  readonly whyUnchanged: string | undefined
  readonly model: string
  readonly usage: Usage
}

const maxRepairs = 2
const maxToldProblems = 20

/**
 * Lets a language model name and describe the parameters of a workflow. What it proposes is applied by rules, written and
 * verified; problems are told to it twice. Where that does not help, or the service fails, the plan is the one that was
 * chosen without it.
 * @throws ParameterChoiceError where what somebody asked for cannot be done
 */
export async function improvePlan(options: ImprovePlanOptions): Promise<ImprovedPlan> {
  const { service, onProgress } = options
  const { basis, facts } = readBasis(options)
  const model = createChatModel({
    ...service,
    onWait: (ms) => onProgress?.(`waiting ${Math.ceil(ms / 1000)} s before asking again…`),
  })
  try {
    onProgress?.(`asking ${model.id}…`)
    const messages: ChatMessage[] = [{ role: 'user', content: fillIn(options.instructions, facts) }]
    for (let repairs = 0; ; repairs += 1) {
      const answer = await model.ask(messages, proposalForm)
      const proposed = readAnswer(answer, basis)
      const problems = proposed.ok ? await options.verify(proposed.plan) : proposed.problems
      if (proposed.ok && problems.length === 0) return { plan: proposed.plan, whyUnchanged: undefined, ...told(model) }
      if (repairs === maxRepairs) {
        const why = `What ${model.id} proposed cannot be used: ${problems[0] ?? ''}`
        return { plan: basis.plan, whyUnchanged: why, ...told(model) }
      }
      onProgress?.(`repairing ${repairs + 1} of ${maxRepairs}…`)
      messages.push({ role: 'assistant', content: answer }, { role: 'user', content: correction(problems) })
    }
  } catch (error) {
    if (!(error instanceof LanguageModelError)) throw error
    return { plan: basis.plan, whyUnchanged: error.message, ...told(model) }
  } finally {
    await model.close()
  }
}

function told(model: ChatModel): Pick<ImprovedPlan, 'model' | 'usage'> {
  return { model: model.id, usage: model.usage }
}

function readBasis({ asked, choose, prompt, hints }: ImprovePlanOptions): { basis: ProposalBasis; facts: object } {
  const plan = choose(asked)
  const exposed = (asked.expose ?? []).map(readExpose)
  const hide = hiddenPlaces(asked, choose)
  const all = choose({ ...asked, hide, all: true })
  const taken = new Set(plan.parameters.flatMap(placesOf))
  const exposable = all.parameters.filter(
    (each) => each.default.kind !== 'none' && !placesOf(each).some((place) => taken.has(place)) && !isSecret(each),
  )
  return {
    basis: {
      plan,
      exposable: new Set(exposable.flatMap(placesOf)),
      kept: new Set([...exposed.map(({ place }) => place), ...appPlaces(hints)]),
      named: new Set(exposed.flatMap(({ place, isNamed }) => (isNamed ? [place] : []))),
      choose: (more) =>
        choose({
          ...asked,
          expose: [...(asked.expose ?? []), ...(more.expose ?? [])],
          hide: [...hide, ...(more.hide ?? [])],
        }),
    },
    facts: workflowFacts({ plan, exposable, prompt, hints }),
  }
}

function isSecret({ targets }: ParameterPlan['parameters'][number]): boolean {
  return targets.some(({ input }) => isSecretName(input))
}

function readExpose(text: string): { place: string; isNamed: boolean } {
  const equals = text.lastIndexOf('=')
  return { place: equals === -1 ? text : text.slice(0, equals), isNamed: equals !== -1 }
}

function appPlaces({ appInputs }: ExportHints): readonly string[] {
  return (appInputs ?? []).flatMap(({ targets }) => targets.map(({ node, input }) => `${node}.${input}`))
}

/** Names that somebody hides are names of this choice: in another one they may mean something else. */
function hiddenPlaces(asked: ParameterChoice, choose: ImprovePlanOptions['choose']): readonly string[] {
  const { hide = [], ...others } = asked
  if (hide.length === 0) return []
  const named = new Map(choose(others).parameters.map((parameter) => [parameter.name, placesOf(parameter)]))
  return hide.flatMap((text) => named.get(text) ?? [text])
}

function readAnswer(answer: string, basis: ProposalBasis): AppliedProposal {
  const json = readJsonAnswer(answer)
  if (json === undefined) return { ok: false, problems: ['The answer is no JSON.'] }
  const proposal = readProposal(json)
  return 'parameters' in proposal ? applyProposal(proposal, basis) : { ok: false, problems: proposal }
}

function fillIn(instructions: string, facts: object): string {
  const values: Readonly<Record<string, string>> = {
    answer: toJson(proposalForm.schema),
    workflow: toJson(facts),
    ...Object.fromEntries(Object.entries(textLimits).map(([name, limit]) => [`max_${name}`, String(limit)])),
  }
  return instructions.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole)
}

/** In a fence of Markdown; nothing in it ends the fence. */
function toJson(value: object): string {
  return JSON.stringify(value, null, 1).replaceAll('`', '\\u0060')
}

function correction(problems: readonly string[]): string {
  const list = problems.slice(0, maxToldProblems).map((problem) => `- ${problem.slice(0, 300)}`)
  return `This cannot be used:\n${list.join('\n')}\nAnswer again, with the whole JSON, corrected.`
}
