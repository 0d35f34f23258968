import { readFile } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { buffer as readBytes, text as readToEnd } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { askOnce, type AskedInstance } from './comfyui/ask-once.ts'
import { fetchNodeCatalogue } from './comfyui/fetch-node-catalogue.ts'
import { isMissingClass } from './comfyui/wire/answers.ts'
import { coreCatalogue, parseNodeCatalogue, type NodeCatalogue } from './comfyui/wire/node-catalogue.ts'
import type { NodePackLookup } from './comfyui/wire/node-packs.ts'
import type { NodeLookup } from './comfyui/wire/object-info.ts'
import { ObjectInfoError } from './comfyui/wire/object-info-error.ts'
import { GatewayError } from './errors/gateway-error.ts'
import { isRecord } from './lib/json-record.ts'
import type { CheckProblem } from './workflows/check/check-problem.ts'
import { checkExport } from './workflows/check/check-export.ts'
import { checkPrompt } from './workflows/check/prompt/check-prompt.ts'
import { brokenWorkflow, checkWorkflow, type WorkflowCheck } from './workflows/check/module/check-workflow.ts'
import type { FoundPrompt } from './workflows/check/find-prompt.ts'
import { findTargets, unreadable, type CheckTargets } from './workflows/check/find-targets.ts'
import { uniteNames } from './workflows/salad/known-names.ts'
import { namesOfCatalogue } from './workflows/salad/names-of-catalogue.ts'
import type { ServedWorkflow } from './workflows/served-workflow.ts'
import { nameSources } from './workflows/check/module/requirement-problems.ts'
import { openWorkflows, type WorkflowSource } from './workflows/open-workflows.ts'

/** Where the definitions of node classes come from. */
export type DefinitionsChoice =
  | { readonly kind: 'core' }
  /** What `/object_info` of a ComfyUI said; `-` is the standard input. */
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'instances'; readonly instances: readonly AskedInstance[]; readonly connectTimeoutMs: number }

export interface CheckRequest {
  /** Folders with modules, which may not be there, or what a person names: folders, modules, graphs, `-`. */
  readonly target: { readonly folders: readonly string[] } | { readonly paths: readonly string[] }
  readonly definitions: DefinitionsChoice
  /** What modules written for Salad's comfyui-api find as `config.warmupCkpt`. */
  readonly warmupCheckpoint: string | undefined
  readonly modules?: ModuleWatch
}

/** Looks after modules while they are called. */
export interface ModuleWatch {
  /** Told before a module is checked, with its path. */
  at(file: string): void
  /** Told before the modules of a folder are loaded. */
  watch(folder: string): void
  /** What they did that nobody caught, since it was last asked, and the path of the module where that is known. */
  leftErrors(): Promise<readonly { readonly error: unknown; readonly file: string | undefined }[]>
}

const standardInput = '-'
const nodePacksTimeoutMs = 10_000

type Verdict = WorkflowCheck['verdict']

/** A problem, and where it was found. */
export interface FoundProblem extends CheckProblem {
  /** What the node is called in the graph. */
  readonly title?: string
  /** Sources of the definitions that show it, where others do not. */
  readonly definitions?: readonly string[]
}

export interface CheckResult {
  readonly kind: 'workflow' | 'prompt'
  /** As it can be opened from here. */
  readonly file: string
  /** The worst of `verdicts`. */
  readonly verdict: Verdict
  /** One for each of the definitions, in their order. */
  readonly verdicts: readonly Verdict[]
  readonly graphs: number
  readonly problems: readonly FoundProblem[]
}

export interface CheckReport {
  readonly definitions: readonly { readonly source: string; readonly kind: DefinitionsChoice['kind'] }[]
  readonly results: readonly CheckResult[]
}

/** Node classes, and who knows where others are to be had. */
interface Definitions {
  readonly catalogue: NodeCatalogue
  /** Asked when a class is missing, and answered once. Never rejects. */
  readonly nodePacks: () => Promise<NodePackLookup>
}

/** What one of the definitions says of a file. */
interface Check {
  readonly verdict: Verdict
  readonly graphs: number
  readonly problems: readonly FoundProblem[]
}

/**
 * Checks workflows and graphs without a server.
 * @throws GatewayError when nothing can be checked: what is named is not there, or the definitions cannot be had
 */
export async function checkWorkflows(request: CheckRequest): Promise<CheckReport> {
  const targets = await readTargets(request)
  const definitions = await readDefinitions(request.definitions)
  const catalogues = definitions.map(({ catalogue }) => catalogue)
  const left: LeftErrors = new Map()
  const modules: CheckResult[] = []
  for (const source of targets.sources) modules.push(...(await checkSource(source, definitions, request, left)))
  const results = [...withLeftErrors(modules, left, catalogues)]
  for (const { file, found } of targets.prompts) {
    const checks: Check[] = []
    for (const each of definitions) checks.push(await checkFound(found, each))
    results.push(unite('prompt', file, catalogues, checks))
  }
  if (results.length === 0) throw nothingFound(request.target)
  return { definitions: catalogues.map(({ source }) => ({ source, kind: request.definitions.kind })), results }
}

async function readTargets({ target, definitions }: CheckRequest): Promise<CheckTargets> {
  if ('folders' in target) return { sources: target.folders.map((folder) => ({ folder })), prompts: [] }
  const isInputTaken = definitions.kind === 'file' && definitions.file === standardInput
  return findTargets(target.paths, async () => {
    if (isInputTaken) throw new GatewayError('validation_error', { detail: 'Only one thing can be read from -.' })
    return readBytes(process.stdin)
  })
}

async function readDefinitions(definitions: DefinitionsChoice): Promise<readonly Definitions[]> {
  switch (definitions.kind) {
    case 'core':
      return [{ catalogue: coreCatalogue(), nodePacks: unknownPacks }]
    case 'file': {
      const isInput = definitions.file === standardInput
      const source = isInput ? 'standard input' : definitions.file
      const text = isInput
        ? await readToEnd(process.stdin)
        : await readFile(definitions.file, 'utf8').catch(unreadable(source))
      try {
        return [{ catalogue: parseNodeCatalogue(text, { source }), nodePacks: unknownPacks }]
      } catch (cause) {
        if (!(cause instanceof ObjectInfoError)) throw cause
        throw new GatewayError('malformed_body', { detail: cause.message, cause })
      }
    }
    case 'instances': {
      const { instances, connectTimeoutMs } = definitions
      return Promise.all(
        instances.map(async (instance) => {
          const { catalogue } = await fetchNodeCatalogue(instance, { connectTimeoutMs })
          let packs: Promise<NodePackLookup> | undefined
          return { catalogue, nodePacks: () => (packs ??= fetchNodePacks(instance, connectTimeoutMs)) }
        }),
      )
    }
  }
}

async function unknownPacks(): Promise<NodePackLookup> {
  return () => undefined
}

/** Whoever has no Manager, or one that is slow, is not asked to wait for it. */
async function fetchNodePacks(instance: AskedInstance, connectTimeoutMs: number): Promise<NodePackLookup> {
  const ask = askOnce(instance, { connectTimeoutMs, timeoutMs: nodePacksTimeoutMs }, (client) => client.nodePacks())
  return ask.catch(unknownPacks)
}

async function checkSource(
  source: WorkflowSource,
  definitions: readonly Definitions[],
  request: CheckRequest,
  left: LeftErrors,
): Promise<readonly CheckResult[]> {
  const { warmupCheckpoint, modules } = request
  const folder = resolve(source.folder)
  modules?.watch(folder)
  const catalogues = definitions.map(({ catalogue }) => catalogue)
  const nodes = anyOf(catalogues)
  const editorNodes = { lookUp: nodes, source: () => catalogues.map((catalogue) => catalogue.source).join(', ') }
  const opened = await openWorkflows(source, { warmupCheckpoint, nodes, editorNodes })
  try {
    if (opened.usesNames) await opened.learnNames(uniteNames(catalogues.map(namesOfCatalogue)))
    const results: CheckResult[] = []
    const fileOf = (file: string) => fromHere(opened.pathOf(file))
    await noteLeft(left, fromHere(folder), modules)
    for (const problem of opened.problems()) {
      const check = brokenWorkflow(problem)
      results.push(
        unite(
          'workflow',
          fileOf(problem.file),
          catalogues,
          catalogues.map(() => check),
        ),
      )
    }
    for (const workflow of opened.workflows()) {
      const checks: Check[] = []
      modules?.at(fileOf(workflow.file))
      for (const each of definitions) checks.push(await checkModule(workflow, each))
      results.push(unite('workflow', fileOf(workflow.file), catalogues, checks))
      await noteLeft(left, fileOf(workflow.file), modules)
    }
    return results.sort((a, b) => (a.file < b.file ? -1 : 1))
  } finally {
    await opened.close()
  }
}

/** What modules left behind, by the file that did it. */
type LeftErrors = Map<string, unknown[]>

async function noteLeft(left: LeftErrors, suspect: string, modules: ModuleWatch | undefined): Promise<void> {
  for (const { error, file } of (await modules?.leftErrors()) ?? []) {
    const culprit = file === undefined ? suspect : fromHere(file)
    left.set(culprit, [...(left.get(culprit) ?? []), error])
  }
}

/** A module that leaves errors behind is broken, be it a workflow or what workflows import. */
function withLeftErrors(
  results: readonly CheckResult[],
  left: LeftErrors,
  catalogues: readonly NodeCatalogue[],
): readonly CheckResult[] {
  const broken = (file: string, result?: CheckResult): CheckResult => ({
    ...(result ?? { kind: 'workflow', file, graphs: 0 }),
    verdict: 'broken',
    verdicts: catalogues.map(() => 'broken'),
    problems: [
      ...[...new Set(left.get(file)?.map(describeLeft))].map((message): CheckProblem => ({
        severity: 'error',
        kind: 'broken_module',
        code: 'broken_module',
        message,
      })),
      ...(result?.problems ?? []),
    ],
  })
  const files = new Set(results.map(({ file }) => file))
  return [
    ...results.map((result) => (left.has(result.file) ? broken(result.file, result) : result)),
    ...[...left.keys()].filter((file) => !files.has(file)).map((file) => broken(file)),
  ]
}

function describeLeft(error: unknown): string {
  const what = error instanceof Error ? error.message : inspect(error)
  return `It leaves an error behind that nobody catches: ${what}`
}

function anyOf(catalogues: readonly NodeCatalogue[]): NodeLookup {
  return (classType) => {
    for (const { lookUp } of catalogues) {
      const definition = lookUp(classType)
      if (definition !== undefined) return definition
    }
    return undefined
  }
}

async function checkModule(workflow: ServedWorkflow, { catalogue, nodePacks }: Definitions): Promise<Check> {
  const check = await checkWorkflow(workflow, { catalogue })
  if (!check.problems.some(({ code }) => isMissingClass(code))) return check
  return checkWorkflow(workflow, { catalogue, packOf: await nodePacks() })
}

async function checkFound(found: FoundPrompt, { catalogue, nodePacks }: Definitions): Promise<Check> {
  if ('prompt' in found || 'exported' in found) {
    const { prompt, verdict, problems } =
      'exported' in found
        ? checkExport(found.exported, { catalogue })
        : { prompt: found.prompt, ...checkPrompt(found.prompt, { catalogue }) }
    const lacksClass = problems.some(({ code }) => isMissingClass(code))
    const named = nameSources(problems, { metadata: {}, catalogue, packOf: lacksClass ? await nodePacks() : undefined })
    const graphs = verdict === 'broken' ? 0 : 1
    return { verdict, graphs, problems: named.map((problem) => withTitle(problem, prompt)) }
  }
  const message = `This is ${found.instead}.`
  const problem: CheckProblem = { severity: 'error', kind: 'broken_module', code: 'no_graph', message, fix: found.fix }
  return { verdict: 'broken', graphs: 0, problems: [problem] }
}

function withTitle(problem: CheckProblem, prompt: unknown): FoundProblem {
  const node = problem.node !== undefined && isRecord(prompt) ? prompt[problem.node] : undefined
  const meta = isRecord(node) ? node['_meta'] : undefined
  const title = isRecord(meta) ? meta['title'] : undefined
  return typeof title === 'string' && title !== '' ? { ...problem, title } : problem
}

const verdictOrder: readonly Verdict[] = ['accepted', 'partly', 'refused', 'broken']

/** One result of what the definitions say, each mistake once. */
function unite(
  kind: CheckResult['kind'],
  file: string,
  catalogues: readonly NodeCatalogue[],
  checks: readonly Check[],
): CheckResult {
  const found = new Map<string, { problem: FoundProblem; definitions: string[] }>()
  for (const [index, { problems }] of checks.entries()) {
    const source = catalogues[index]?.source ?? ''
    for (const problem of problems) {
      // Texts name where they come from.
      const key = JSON.stringify(problem).replaceAll(JSON.stringify(source).slice(1, -1), '')
      const known = found.get(key)
      if (known === undefined) found.set(key, { problem, definitions: [source] })
      else if (!known.definitions.includes(source)) known.definitions.push(source)
    }
  }
  const verdicts = checks.map(({ verdict }) => verdict)
  return {
    kind,
    file,
    verdict: verdicts.toSorted((a, b) => verdictOrder.indexOf(b) - verdictOrder.indexOf(a))[0] ?? 'accepted',
    verdicts,
    graphs: checks.reduce((most, { graphs }) => Math.max(most, graphs), 0),
    problems: [...found.values()].map(({ problem, definitions }) =>
      definitions.length === catalogues.length ? ofAll(problem, definitions) : { ...problem, definitions },
    ),
  }
}

/** A text that says who was asked says so of all of them. */
function ofAll(problem: FoundProblem, definitions: readonly string[]): FoundProblem {
  const [first = ''] = definitions
  if (definitions.length < 2) return problem
  return { ...problem, message: problem.message.replaceAll(first, definitions.join(', ')) }
}

function nothingFound(target: CheckRequest['target']): GatewayError {
  const places = 'folders' in target ? target.folders : target.paths
  const detail =
    places.length === 0 ? 'No workflow folder is given.' : `There are no workflows in ${places.join(', ')}.`
  return new GatewayError('not_found', { detail: `${detail} A graph in API format is given as a file.` })
}

/** A path that a person in this folder can open. */
function fromHere(path: string): string {
  const near = relative('', path)
  return near.startsWith(`..${sep}`) || isAbsolute(near) ? path : join(near)
}
