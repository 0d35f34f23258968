import type { Prompt, PromptInput } from '../comfyui/wire/prompt.ts'
import type { ExportHints } from '../converter/parameters/export-hints.ts'
import type { Parameter, ParameterPlan, ParameterType } from '../converter/parameters/parameter-plan.ts'
import { placesOf } from './apply-proposal.ts'

export interface WorkflowFactsOptions {
  readonly plan: ParameterPlan
  /** What could be parameters beside those of the plan. */
  readonly exposable: readonly Parameter[]
  readonly prompt: Prompt
  readonly hints: ExportHints
}

const limits = { nodes: 300, exposable: 80, notes: 8, noteLength: 1500, textLength: 300, choices: 12 } as const

/**
 * What a model is told of a workflow, as JSON: classes, titles, texts, parameters. No media and no names of their files,
 * and nothing of what looks like a key or a password.
 */
export function workflowFacts({ plan, exposable, prompt, hints }: WorkflowFactsOptions): object {
  return {
    name: hints.name,
    summary: plan.summary,
    notes_of_its_author: (hints.notes ?? [])
      .slice(0, limits.notes)
      .map((note) => withoutSecrets(note, limits.noteLength)),
    nodes: Object.entries(prompt)
      .slice(0, limits.nodes)
      .map(([id, node]) => ({ id, class: node.class_type, title: safeTitle(plan.titles.get(id)) })),
    outputs: plan.outputs,
    parameters: plan.parameters.map((parameter) => ({
      name: parameter.name,
      description: parameter.description,
      required: parameter.default.kind === 'none',
      ...factsOf(parameter, prompt),
    })),
    can_be_exposed: exposable.slice(0, limits.exposable).map((parameter) => factsOf(parameter, prompt)),
  }
}

function safeTitle(title: string | undefined): string | undefined {
  return title === undefined ? undefined : withoutSecrets(title, limits.textLength)
}

function factsOf(parameter: Parameter, prompt: Prompt): object {
  const { type, value } = parameter
  const places = placesOf(parameter)
  const isSecret = parameter.targets.some(({ input }) => isSecretName(input))
  return {
    inputs: places.slice(0, limits.choices),
    classes: [...new Set(parameter.targets.map(({ node }) => prompt[node]?.class_type))],
    type: typeFacts(type),
    ...(type.kind !== 'media' && !isSecret && { value: valueFacts(value) }),
  }
}

function typeFacts(type: ParameterType): object {
  return 'choices' in type ? { ...type, choices: type.choices.slice(0, limits.choices) } : type
}

function valueFacts(value: PromptInput): PromptInput {
  if (typeof value === 'string') return withoutSecrets(value, limits.textLength)
  return typeof value === 'object' ? null : value
}

/** Whether an input is one for keys and the like. */
export function isSecretName(input: string): boolean {
  return /(^|[_. -])(api_?key|key|token|secret|password|passwd|credentials?|authorization)([_. -]|$)/i.test(input)
}

/** Keys of well-known services, bearer tokens, and credentials in addresses. */
const secrets =
  /\b(sk|pk|hf|ghp|gho|github_pat|glpat|r8|xox[abps]|AKIA)[-_]?[\w-]{16,}|\bbearer\s+\S{8,}|(?<=:\/\/)[^\s/@]+@/gi

function withoutSecrets(text: string, maxLength: number): string {
  const safe = text.replace(secrets, '***')
  return safe.length > maxLength ? `${safe.slice(0, maxLength)} …` : safe
}
