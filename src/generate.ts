import { existsSync } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import type { NodeCatalogue } from './comfyui/wire/node-catalogue.ts'
import { convertWorkflow } from './converter/convert-workflow.ts'
import { ConversionRefusedError } from './converter/conversion.ts'
import { ParameterChoiceError } from './converter/parameters/apply-choice.ts'
import type { ParameterChoice } from './converter/parameters/choose-parameters.ts'
import type { ParameterPlan, PlannedModel, PlannedOutput, PlannedPack } from './converter/parameters/parameter-plan.ts'
import { GatewayError } from './errors/gateway-error.ts'
import { exampleCall } from './generator/example-call.ts'
import { readGivenExport, type ExportPlace, type GivenExport } from './generator/given-export.ts'
import {
  describeProblem,
  makeModule,
  type DescribePlan,
  type ModuleAttempt,
  type PlanTools,
} from './generator/make-module.ts'
import { chooseModulePlace, moduleName, type ModulePlace } from './generator/module-place.ts'
import { createSourceOpener } from './generator/open-source.ts'
import { outlineParameter, type ParameterOutline } from './generator/outline-parameter.ts'
import { readDefinitions, refuseTwoInputs, type DefinitionsPlace } from './generator/read-definitions.ts'
import { refusalReasons } from './generator/refusal-reasons.ts'
import { FileExistsError, writeTogether } from './generator/write-together.ts'
import type { ChatService, Usage } from './language-model/chat-model.ts'
import type { CheckProblem } from './workflows/check/check-problem.ts'
import { isMissingModel } from './workflows/check/module/requirement-problems.ts'

export interface GenerateRequest {
  readonly source: ExportPlace
  readonly definitions: DefinitionsPlace
  readonly parameters: ParameterChoice
  /** Default: what the export is called. */
  readonly summary: string | undefined
  readonly target:
    | { readonly kind: 'printed' }
    /** A module or a folder; undefined: the first of `folders`. */
    | { readonly kind: 'written'; readonly path: string | undefined; readonly isForced: boolean }
  /** Absolute paths of the workflow folders that somebody has. */
  readonly folders: readonly string[]
  /** The folder of the shipped workflows, where it is served. */
  readonly shippedFolder: string | undefined
  /** Who is asked for names and descriptions, and how; undefined: the rules alone choose them. */
  readonly languageModel: (ChatService & { readonly instructions: string }) | undefined
}

/** What became of asking a language model. */
export interface LanguageModelReport extends Usage {
  readonly model: string
  /** Why names and texts are those of the rules; undefined where the model had its say. */
  readonly whyUnchanged: string | undefined
}

export interface GeneratedModule {
  readonly kind: 'generated'
  readonly module: string
  /** Route without the leading slash. */
  readonly route: string
  /** What was written, as it can be opened from here. */
  readonly files: { readonly module: string; readonly copy: string; readonly folder: string } | undefined
  readonly summary: string
  readonly parameters: readonly ParameterOutline[]
  readonly outputs: readonly PlannedOutput[]
  readonly requiredModels: readonly PlannedModel[]
  readonly requiredNodes: readonly PlannedPack[]
  readonly warnings: readonly string[]
  /** A command that calls it. */
  readonly call: string
  /** The definitions that were used, for people. */
  readonly definitions: string
  /** Undefined where none was asked. */
  readonly languageModel: LanguageModelReport | undefined
}

export interface RefusedModule {
  /** Nothing is written. */
  readonly kind: 'refused'
  /** All that is in the way. */
  readonly reasons: readonly string[]
  readonly definitions: string | undefined
  readonly languageModel?: LanguageModelReport | undefined
}

export type GenerateResult = GeneratedModule | RefusedModule

export interface GenerateObservers {
  /** Told what takes long, in a few words. */
  readonly onProgress?: (step: string) => void
}

/** What an export without a name is called where it is only printed. */
const namelessRoute = 'workflow'

/**
 * Makes the module of an exported workflow, verifies it and puts it where it is served from, the export beside the
 * folder.
 * @throws GatewayError when the request itself is wrong: its places, names and nodes
 */
export async function generateModule(
  request: GenerateRequest,
  observers: GenerateObservers = {},
): Promise<GenerateResult> {
  refuseTwoInputs(request.source, request.definitions)
  let definitions: string | undefined
  try {
    const given = await readGivenExport(request.source)
    const place = placeOf(request, given)
    const catalogue = await readDefinitions(request.definitions)
    definitions = catalogue.source
    return await generate({ request, given, place, catalogue, observers })
  } catch (error) {
    if (error instanceof ConversionRefusedError) return { kind: 'refused', reasons: refusalReasons(error), definitions }
    if (error instanceof FileExistsError) return { kind: 'refused', reasons: [error.message], definitions }
    if (error instanceof ParameterChoiceError) throw new GatewayError('validation_error', { detail: error.message })
    throw error
  }
}

/** Undefined where the module is only printed. */
function placeOf({ target, folders }: GenerateRequest, { title }: GivenExport): ModulePlace | undefined {
  if (target.kind === 'printed') return undefined
  const place = chooseModulePlace({ target: target.path, folders, title })
  if (!target.isForced && existsSync(place.path)) throw new FileExistsError(fromHere(place.path))
  return place
}

interface Generation {
  readonly request: GenerateRequest
  readonly given: GivenExport
  readonly place: ModulePlace | undefined
  readonly catalogue: NodeCatalogue
  readonly observers: GenerateObservers
}

async function generate({ request, given, place, catalogue, observers }: Generation): Promise<GenerateResult> {
  const { prompt, hints, warnings } = convertWorkflow(given.exported, catalogue)
  const route = place?.route ?? moduleName(given.title ?? '') ?? namelessRoute
  const name = given.title ?? route.split('/').at(-1)
  let languageModel: LanguageModelReport | undefined
  const describe: DescribePlan = async (plan, tools) => {
    const improved = await improve(plan, tools, request, observers)
    languageModel = improved.report
    return improved.plan
  }
  const attempt = await makeModule({
    conversion: { prompt, hints: name === undefined ? hints : { ...hints, name } },
    catalogue,
    choice: request.parameters,
    summary: request.summary,
    open: createSourceOpener(`${route.split('/').at(-1) ?? namelessRoute}.ts`, { nodes: catalogue.lookUp }),
    describe,
  })
  if (attempt.faults.length > 0) {
    return { kind: 'refused', reasons: attempt.faults, definitions: catalogue.source, languageModel }
  }
  const { target } = request
  if (place !== undefined && target.kind === 'written') {
    const refusal = await write(place, attempt.source, given.copy, target)
    if (refusal !== undefined) {
      return { kind: 'refused', reasons: [refusal], definitions: catalogue.source, languageModel }
    }
  }
  const told = [
    ...warnings.map(({ message }) => message),
    ...attempt.plan.warnings,
    ...attempt.problems.filter(({ severity }) => severity !== 'note').map(describeWarning),
    ...(place === undefined ? [] : shippedWarning(place, request.shippedFolder)),
  ]
  return {
    ...describeModule(attempt, route),
    files: filesOf(place),
    warnings: [...new Set(told)],
    definitions: catalogue.source,
    languageModel,
  }
}

/** A module that is wrong by the rules alone is not worth asking about. */
async function improve(
  plan: ParameterPlan,
  { prompt, hints, asked, choose, attempt }: PlanTools,
  { languageModel }: GenerateRequest,
  { onProgress }: GenerateObservers,
): Promise<{ readonly plan: ParameterPlan; readonly report?: LanguageModelReport }> {
  if (languageModel === undefined || (await attempt(plan)).faults.length > 0) return { plan }
  const { instructions, ...service } = languageModel
  // Connections take longer to load than a whole conversion does.
  const { improvePlan } = await import('./language-model/improve-plan.ts')
  const improved = await improvePlan({
    service,
    instructions,
    prompt,
    hints,
    asked,
    choose,
    verify: async (proposed) => (await attempt(proposed)).faults,
    ...(onProgress !== undefined && { onProgress }),
  })
  const { model, usage, whyUnchanged } = improved
  return { plan: improved.plan, report: { model, ...usage, whyUnchanged } }
}

/** Where models are to be had is told with them. */
function describeWarning(problem: CheckProblem): string {
  if (!isMissingModel(problem)) return describeProblem(problem)
  const { fix: _, ...missing } = problem
  return describeProblem({ ...missing, message: missing.message.replace(/ \(asked: .*?\)/, '') })
}

function describeModule(
  { plan, source }: ModuleAttempt,
  route: string,
): Omit<GeneratedModule, 'files' | 'warnings' | 'definitions' | 'languageModel'> {
  const { summary, parameters, outputs, requiredModels, requiredNodes } = plan
  return {
    kind: 'generated',
    module: source,
    route,
    summary,
    parameters: parameters.map(outlineParameter),
    outputs,
    requiredModels,
    requiredNodes,
    call: exampleCall(route, parameters),
  }
}

function filesOf(place: ModulePlace | undefined): GeneratedModule['files'] {
  if (place === undefined) return undefined
  return { module: fromHere(place.path), copy: fromHere(place.copyPath), folder: fromHere(place.folder) }
}

/** Why nothing was written. */
async function write(
  place: ModulePlace,
  source: string,
  copy: string,
  options: { readonly isForced: boolean },
): Promise<string | undefined> {
  try {
    // The copy first: a server that watches the folder sees the module when everything is there.
    await writeTogether(
      [
        { path: place.copyPath, content: copy },
        { path: place.path, content: source },
      ],
      options,
    )
    return undefined
  } catch (error) {
    if (error instanceof FileExistsError) return error.message
    if (error instanceof Error && 'code' in error && 'path' in error) return `Nothing can be written: ${error.message}.`
    throw error
  }
}

function shippedWarning({ route, path }: ModulePlace, shippedFolder: string | undefined): readonly string[] {
  if (shippedFolder === undefined || path.startsWith(shippedFolder + sep)) return []
  const isShipped = ['.ts', '.js'].some((extension) => existsSync(join(shippedFolder, `${route}${extension}`)))
  return isShipped ? [`/${route} is a workflow that comes with this program; this one is served in its place.`] : []
}

/** A path that a person in this folder can open. */
function fromHere(path: string): string {
  const near = relative('', path)
  return near === '' ? '.' : near.startsWith(`..${sep}`) || isAbsolute(near) ? path : near
}
