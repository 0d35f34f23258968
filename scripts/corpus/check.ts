import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { parseNodeCatalogue, type NodeCatalogue } from '../../src/comfyui/wire/node-catalogue.ts'
import { promptNodeSchema, type Prompt } from '../../src/comfyui/wire/prompt.ts'
import type { CheckProblem } from '../../src/workflows/check/check-problem.ts'
import { checkPrompt, type PromptCheck } from '../../src/workflows/check/prompt/check-prompt.ts'
import { findFileInputs } from '../../src/workflows/graph/find-file-inputs.ts'

const bars = { verdict: 0.995, named: 0.99, templates: 0.99 }

const templateSchema = z.record(z.string(), z.record(z.string(), z.unknown()))
type Template = z.infer<typeof templateSchema>

const manifestSchema = z.record(z.string(), z.looseObject({ accepted: z.boolean(), refused_with: z.unknown() }))

const mutationSchema = z.looseObject({
  template: z.string(),
  op: z.enum(['set_class', 'remove_input', 'set_input', 'remove_node']),
  node: z.string(),
  input: z.string().nullish(),
  value: z.unknown(),
  status: z.number(),
  error: z.string().nullable(),
  node_errors: z.array(
    z.looseObject({ node: z.string(), class_type: z.string(), type: z.string(), input: z.string().nullish() }),
  ),
})
type Mutation = z.infer<typeof mutationSchema>

/** How many were compared, and how many were the same. */
interface Tally {
  all: number
  same: number
}

/**
 * Checks every template of the corpus and every changed prompt, prints where the verdict or what is named differs from
 * what the server said, and last the figures.
 * @returns whether the figures reach the bars
 */
export function compareChecks(folder: string, { objectInfo }: { objectInfo: string }): boolean {
  const catalogue = parseNodeCatalogue(readFileSync(objectInfo, 'utf8'), { source: objectInfo })
  const manifest = manifestSchema.parse(readJson(join(folder, 'manifest.json')))
  const mutations = readMutations(join(folder, 'mutations.jsonl'))
  const names = new Set([...Object.keys(manifest), ...mutations.map(({ template }) => template)])
  const templates = new Map([...names].map((name) => [name, readTemplate(folder, name)]))
  const files = namedFiles([...templates.values()], catalogue)
  const check = (prompt: unknown): PromptCheck =>
    checkPrompt(prompt, { catalogue, fileExists: (name) => files.has(name.replace(/ ?\[input\]$/, '')) })

  const ofTemplates: Tally = { all: 0, same: 0 }
  let falseAlarms = 0
  for (const [name, { accepted }] of Object.entries(manifest)) {
    const { verdict, problems } = check(templates.get(name))
    const alarms = accepted ? problems.filter(({ severity }) => severity === 'error') : []
    const isSame = (verdict === 'accepted') === accepted
    count(ofTemplates, isSame)
    falseAlarms += alarms.length
    if (!isSame) console.log(`${name}: ${accepted ? 'accepted' : 'refused'} by ComfyUI, here ${verdict}`)
    for (const alarm of alarms) console.log(`${name}: accepted by ComfyUI, here ${describe(alarm)}`)
  }

  const verdicts: Tally = { all: 0, same: 0 }
  const named: Tally = { all: 0, same: 0 }
  for (const mutation of mutations) {
    const prompt = mutate(templates.get(mutation.template) ?? {}, mutation)
    const { verdict, problems } = check(prompt)
    const real = verdictOf(mutation)
    count(verdicts, verdict === real)
    const refusals = problems.filter(({ severity, kind }) => severity === 'error' && kind === 'refused')
    const difference = real === 'accepted' ? refusals.map(describe) : differences(mutation, refusals)
    if (real !== 'accepted') count(named, difference.length === 0)
    if (verdict === real && difference.length === 0) continue
    const { template, op, node, input, value } = mutation
    console.log(
      `${template}: ${[op, node, input].filter(Boolean).join(' ')} ${value === undefined ? '' : JSON.stringify(value)}`,
    )
    console.log(`  ${real} by ComfyUI, here ${verdict}${difference.map((line) => `\n  ${line}`).join('')}`)
  }

  console.log(
    `check: ${figure('changed prompts judged alike', verdicts)}; ${figure('of the refused named alike', named)}; ` +
      `${figure('templates judged alike', ofTemplates)}; ${String(falseAlarms)} false alarms`,
  )
  return (
    share(verdicts) >= bars.verdict &&
    share(named) >= bars.named &&
    share(ofTemplates) >= bars.templates &&
    falseAlarms === 0
  )
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}

function readTemplate(folder: string, name: string): Template {
  return templateSchema.parse(readJson(join(folder, 'templates', `${name}.api.json`)))
}

function readMutations(file: string): readonly Mutation[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line.trim() !== '').map((line) => mutationSchema.parse(JSON.parse(line)))
}

/** What the lists of the server show, what the templates load, and the input folder itself. */
function namedFiles(templates: readonly Template[], { lookUp }: NodeCatalogue): ReadonlySet<string> {
  const loaded = templates.flatMap((template) => findFileInputs(wholeNodes(template), lookUp))
  return new Set(['', '.', ...loaded.map(({ value }) => value)])
}

/** Some templates have nodes without a class. */
function wholeNodes(template: Template): Prompt {
  const nodes = Object.entries(template).map(([id, node]) => [id, promptNodeSchema.safeParse(node)] as const)
  return Object.fromEntries(nodes.flatMap(([id, { success, data }]) => (success ? [[id, data]] : [])))
}

function mutate(template: Template, { op, node: id, input, value }: Mutation): unknown {
  const prompt = structuredClone(template)
  const node = prompt[id]
  const inputs = z.record(z.string(), z.unknown()).parse(node?.['inputs'] ?? {})
  if (node === undefined) throw new Error(`the template has no node ${id}`)
  switch (op) {
    case 'set_class':
      return { ...prompt, [id]: { ...node, class_type: value } }
    case 'remove_node':
      return Object.fromEntries(Object.entries(prompt).filter(([other]) => other !== id))
    case 'set_input':
      return { ...prompt, [id]: { ...node, inputs: { ...inputs, [input ?? '']: value } } }
    case 'remove_input': {
      const kept = Object.entries(inputs).filter(([name]) => name !== input)
      return { ...prompt, [id]: { ...node, inputs: Object.fromEntries(kept) } }
    }
  }
}

function verdictOf({ status, node_errors }: Mutation): PromptCheck['verdict'] {
  if (status !== 200) return 'refused'
  return node_errors.length > 0 ? 'partly' : 'accepted'
}

/** An exception names an input by chance: only its node counts. */
function differences({ error, node, node_errors }: Mutation, refusals: readonly CheckProblem[]): readonly string[] {
  if (error === 'missing_node_type') return refusals.some((each) => each.node === node) ? [] : [`${node} is not named`]
  if (error === 'prompt_no_outputs') return refusals.some(({ code }) => code === error) ? [] : [`${error} is not told`]
  const raising = new Set(node_errors.filter(({ type }) => type.startsWith('exception_')).map((each) => each.node))
  const place = (id: string | undefined, input: string | null | undefined): string =>
    id === undefined || raising.has(id) ? (id ?? '') : `${id} ${input ?? ''}`
  const real = new Set(node_errors.map((each) => place(each.node, each.input)))
  const ours = new Set(refusals.map((each) => place(each.node, each.input)))
  return [
    ...[...real].filter((each) => !ours.has(each)).map((each) => `not named: ${each}`),
    ...refusals
      .filter((each) => !real.has(place(each.node, each.input)))
      .map((each) => `named as well: ${describe(each)}`),
  ]
}

function describe({ code, node, input, message }: CheckProblem): string {
  return `${[code, node, input].filter(Boolean).join(' ')}: ${message}`
}

function count(tally: Tally, isSame: boolean): void {
  tally.all += 1
  if (isSame) tally.same += 1
}

function share({ all, same }: Tally): number {
  return all === 0 ? 1 : same / all
}

function figure(what: string, tally: Tally): string {
  return `${String(tally.same)} of ${String(tally.all)} ${what} (${(share(tally) * 100).toFixed(2)} %)`
}
