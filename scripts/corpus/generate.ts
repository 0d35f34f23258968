import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import * as prettier from 'prettier'
import { z } from 'zod'
import { parseNodeCatalogue, type NodeCatalogue } from '../../src/comfyui/wire/node-catalogue.ts'
import { promptNodeSchema } from '../../src/comfyui/wire/prompt.ts'
import { convertWorkflow } from '../../src/converter/convert-workflow.ts'
import { ConversionRefusedError, type Conversion } from '../../src/converter/conversion.ts'
import { parseExportFile } from '../../src/converter/parse-export-file.ts'
import { describeProblem, makeModule } from '../../src/generator/make-module.ts'
import { createSourceOpener } from '../../src/generator/open-source.ts'
import type { ParameterPlan } from '../../src/converter/parameters/parameter-plan.ts'
import { compileModules } from '../../test/support/compile-modules.ts'

const manifestSchema = z.record(z.string(), z.looseObject({ accepted: z.boolean(), app_mode: z.boolean() }))
const promptSchema = z.record(
  z.string(),
  z.looseObject({ ...promptNodeSchema.shape, class_type: z.string().optional() }),
)
const marksSchema = z.object({
  extra: z.object({ linearData: z.object({ inputs: z.array(z.tuple([z.unknown(), z.unknown()]).rest(z.unknown())) }) }),
})

interface Figures {
  equal: number
  modules: number
  appMode: number
  appModeOf: number
  media: number
}

/**
 * Makes the module of every template that converts to what the real editor made of it, and of every media file: they
 * must load, compile, be formatted, give the prompt again and pass a check, and have the parameters that app mode shows. Prints what
 * is wrong, and last the figures.
 * @returns whether nothing is wrong
 */
export async function compareModules(folder: string, { objectInfo }: { objectInfo: string }): Promise<boolean> {
  const startMs = performance.now()
  const editor = readCatalogue(join(folder, 'object_info/0.33.0.json'))
  const server = readCatalogue(objectInfo)
  const manifest = manifestSchema.parse(readJson(join(folder, 'manifest.json')))
  const figures: Figures = { equal: 0, modules: 0, appMode: 0, appModeOf: 0, media: 0 }
  const sources = new Map<string, string>()
  const wrong: string[] = []
  for (const [name, { accepted, app_mode: isAppMode }] of Object.entries(manifest)) {
    const file = join(folder, 'templates', name)
    const exported = readJson(`${file}.ui.json`)
    const conversion = convert(exported, editor)
    if (conversion === undefined || !isSame(conversion.prompt, readJson(`${file}.api.json`))) continue
    figures.equal += 1
    const made = await make(name, conversion, server)
    const faults = accepted ? made.faults : made.faults.filter((fault) => !fault.startsWith('node '))
    const missing = isAppMode ? missingMarks(exported, conversion, made.plan) : []
    const unformatted = (await format(made.source)) === made.source ? [] : ['the module is not formatted']
    if (isAppMode) figures.appModeOf += 1
    if (isAppMode && missing.length === 0) figures.appMode += 1
    if (faults.length + missing.length + unformatted.length === 0) figures.modules += 1
    wrong.push(...[...faults, ...missing, ...unformatted].map((fault) => `${name}: ${fault}`))
    sources.set(name, made.source)
  }
  wrong.push(...compileModules(sources), ...compareMedia(join(folder, 'media'), editor, figures))
  for (const line of wrong) console.log(line)
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0)
  console.log(
    `generate: ${figures.modules} of ${figures.equal} modules right, of ${Object.keys(manifest).length} templates; ` +
      `${figures.appMode} of ${figures.appModeOf} with all that app mode shows; ${figures.media} media files; ${wrong.length} faults; ${seconds} s`,
  )
  return wrong.length === 0 && figures.modules > 0
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}

function readCatalogue(file: string): NodeCatalogue {
  return parseNodeCatalogue(readFileSync(file, 'utf8'), { source: file })
}

function convert(exported: unknown, catalogue: NodeCatalogue): Conversion | undefined {
  try {
    return convertWorkflow(exported, catalogue)
  } catch (error) {
    if (error instanceof ConversionRefusedError) return undefined
    throw error
  }
}

/** Titles do not count. */
function isSame(prompt: Conversion['prompt'], expected: unknown): boolean {
  const essence = (nodes: unknown): unknown =>
    Object.fromEntries(
      Object.entries(promptSchema.parse(nodes)).map(([id, node]) => [id, [node.class_type, node.inputs]]),
    )
  return isDeepStrictEqual(essence(prompt), essence(expected))
}

async function make(
  name: string,
  { prompt, hints }: Conversion,
  catalogue: NodeCatalogue,
): Promise<{ readonly plan: ParameterPlan; readonly source: string; readonly faults: readonly string[] }> {
  const { plan, source, faults, problems } = await makeModule({
    conversion: { prompt, hints: { ...hints, name } },
    catalogue,
    choice: {},
    summary: undefined,
    open: createSourceOpener('module.ts', { nodes: catalogue.lookUp }),
  })
  const missing = problems.filter(({ severity }) => severity === 'error').map(describeProblem)
  return { plan, source, faults: [...faults, ...missing] }
}

async function format(source: string): Promise<string> {
  const config = await prettier.resolveConfig(import.meta.filename)
  return prettier.format(source, { ...config, parser: 'typescript' })
}

/** What the author marked for app mode and no parameter stands for: by the converter, and as far as the file itself tells. */
function missingMarks(
  exported: unknown,
  { prompt, hints }: Conversion,
  { parameters }: ParameterPlan,
): readonly string[] {
  const exposed = new Set(parameters.flatMap(({ targets }) => targets.map(({ node, input }) => `${node}.${input}`)))
  const told = (hints.appInputs ?? []).flatMap(({ targets }) => targets.map(({ node, input }) => `${node}.${input}`))
  const marked = (marksSchema.safeParse(exported).data?.extra.linearData.inputs ?? []).flatMap(([id, input]) =>
    Object.entries(prompt)
      .filter(([node]) => node === String(id) || node.endsWith(`:${String(id)}`))
      .filter(([, { inputs }]) => !Array.isArray(inputs[String(input)]) && Object.hasOwn(inputs, String(input)))
      .map(([node]) => `${node}.${String(input)}`),
  )
  const missing = [...new Set([...told, ...marked])].filter((place) => !exposed.has(place))
  return missing.map((place) => `app mode shows ${place}, and no parameter stands for it`)
}

function compareMedia(folder: string, catalogue: NodeCatalogue, figures: Figures): readonly string[] {
  if (!existsSync(folder)) return []
  const expected = readJson(join(folder, 'prompt.api.json'))
  return readdirSync(folder)
    .filter((file) => !file.endsWith('.json'))
    .flatMap((file) => {
      const conversion = convert(parseExportFile(readFileSync(join(folder, file))), catalogue)
      if (conversion === undefined || !isSame(conversion.prompt, expected)) return [`media/${file}: another graph`]
      figures.media += 1
      return []
    })
}
