import { explainRefusal, partlyRefused, type NameParameters } from '../comfyui/explain-refusal.ts'
import type { NodeErrors } from '../comfyui/wire/answers.ts'
import type { NodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { readRefusal, type RefusedPrompt } from '../comfyui/wire/read-refusal.ts'
import type { NodeErrors as VerdictErrors } from '../comfyui/wire/verdict/validate-prompt.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { InstancePool, SharedCatalogue } from '../instances/instance-pool.ts'
import { missingParts } from '../instances/missing-parts.ts'
import { explainMissing } from './explain-missing.ts'
import { isLeftToClasses, lenientVerdict, mayTakeName } from './left-to-classes.ts'

export interface RefusalPredictorOptions {
  readonly pool: Pick<InstancePool, 'catalogues' | 'isLearning' | 'refreshLists'>
  /** Adds the parameters of a workflow to errors in the prompt that it made of this input. */
  readonly nameParameters: (
    workflow: string,
    input: unknown,
    errors: Parameters<NameParameters>[0],
  ) => ReturnType<NameParameters>
}

/** A prompt that is about to be queued. */
export interface PredictedPrompt {
  readonly workflow: string
  /** Parsed parameters. */
  readonly input: unknown
  readonly prompt: Prompt
}

/**
 * What would become of a prompt: `undefined`, at once, when an instance would run all of it or may turn out to, for one
 * that has not told its nodes yet is not judged; else the error that its job would end with.
 */
export type PredictRefusal = (job: PredictedPrompt) => undefined | Promise<GatewayError | undefined>

interface Judgement extends SharedCatalogue {
  readonly refusal: RefusedPrompt
}

/**
 * Applies the rules of ComfyUI to what the instances have, without asking one of them. Only before something is refused
 * the lists that it is about are read anew: a model may have come a moment ago.
 */
export function createRefusalPredictor(options: RefusalPredictorOptions): PredictRefusal {
  const { pool } = options
  return (job) => (judge(job.prompt, pool.catalogues()) === undefined ? undefined : refuse(job, options))
}

async function refuse(
  job: PredictedPrompt,
  { pool, nameParameters }: RefusalPredictorOptions,
): Promise<GatewayError | undefined> {
  if (pool.isLearning) return undefined
  await pool.refreshLists(new Set(Object.values(job.prompt).map((node) => node.class_type)))
  const judgements = judge(job.prompt, pool.catalogues())
  if (judgements === undefined) return undefined
  const context = { prompt: job.prompt, known: judgements }
  const { code, message, errors } = await explainRefusal(
    closest(judgements).refusal,
    (found) => nameParameters(job.workflow, job.input, explainMissing(found, context)),
    job.prompt,
  )
  return new GatewayError(code, { detail: message, errors })
}

/** Why each of them refuses; `undefined` as soon as one does not, and when there is none. */
function judge(prompt: Prompt, catalogues: readonly SharedCatalogue[]): readonly Judgement[] | undefined {
  const judgements: Judgement[] = []
  for (const each of commonFirst(catalogues)) {
    const refusal = refusalOf(prompt, each.catalogue)
    if (refusal === undefined) return undefined
    judgements.push({ ...each, refusal })
  }
  return judgements.length === 0 ? undefined : judgements
}

function commonFirst(catalogues: readonly SharedCatalogue[]): readonly SharedCatalogue[] {
  return catalogues.length < 2 ? catalogues : catalogues.toSorted((a, b) => b.instances.length - a.instances.length)
}

/** `undefined` where ComfyUI runs all of it, and where its server fails: that says nothing that a caller could use. */
function refusalOf(prompt: Prompt, catalogue: NodeCatalogue): RefusedPrompt | undefined {
  const { rules } = catalogue
  const verdict = lenientVerdict(prompt, catalogue)
  switch (verdict.kind) {
    case 'crash':
      return undefined
    case 'refused':
      if (isLeftToClasses(verdict.nodeErrors, catalogue)) return undefined
      return readRefusal({ error: { ...verdict.error }, node_errors: asAnswered(verdict.nodeErrors) })
    case 'accepted':
      if (isLeftToClasses(verdict.nodeErrors, catalogue)) return undefined
      if (Object.keys(verdict.nodeErrors).length > 0) return partlyRefused(asAnswered(verdict.nodeErrors))
      return rules.checksComboOptions ? undefined : lateRefusalOf(prompt, catalogue)
  }
}

/** Releases that do not compare all names with their lists take the prompt, and the node fails without its model. */
function lateRefusalOf(prompt: Prompt, catalogue: NodeCatalogue): RefusedPrompt | undefined {
  const missing = missingParts(catalogue, prompt).filter(
    ({ classType, input }) => input === undefined || !mayTakeName(catalogue, classType, input),
  )
  if (missing.length === 0) return undefined
  const nodeErrors: NonNullable<NodeErrors> = {}
  for (const { nodeId, classType, input } of missing) {
    const node = (nodeErrors[nodeId] ??= { class_type: classType, errors: [] })
    node.errors.push({ type: 'value_not_in_list', message: 'Value not in list', extra_info: { input_name: input } })
  }
  return partlyRefused(nodeErrors)
}

/** The one with the least to mend: what it lacks says most about the prompt. */
function closest(judgements: readonly Judgement[]): Judgement {
  const [first, ...others] = judgements
  if (first === undefined) throw new Error('there is nothing to choose from')
  return others.reduce((best, each) => (flawsOf(each) < flawsOf(best) ? each : best), first)
}

function flawsOf({ refusal }: Judgement): number {
  const count = Object.values(refusal.nodeErrors ?? {}).reduce((sum, { errors }) => sum + errors.length, 0)
  // Where the class of a node is missing nothing else is looked at.
  return count === 0 ? Infinity : count
}

/** The same as the client of ComfyUI reads of its answer. */
function asAnswered(nodeErrors: VerdictErrors): NodeErrors {
  const errorsOf = (errors: VerdictErrors[string]['errors']) =>
    errors.map((error) => ({ ...error, extra_info: { input_name: undefined, ...error.extra_info } }))
  return Object.fromEntries(
    Object.entries(nodeErrors).map(([id, { class_type, errors }]) => [id, { class_type, errors: errorsOf(errors) }]),
  )
}
