import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import * as prettier from 'prettier'
import ts from 'typescript'
import { objectInfoSchema, type NodeLookup } from '../../src/comfyui/wire/object-info.ts'
import { ConversionRefusedError } from '../../src/converter/conversion.ts'
import { convertWorkflow } from '../../src/converter/convert-workflow.ts'
import { writeModule } from '../../src/converter/module/write-module.ts'
import { chooseParameters } from '../../src/converter/parameters/choose-parameters.ts'
import type { ExportHints } from '../../src/converter/parameters/export-hints.ts'
import type { ParameterPlan } from '../../src/converter/parameters/parameter-plan.ts'
import { verifyModule } from '../../src/converter/verify-module.ts'
import { openWorkflow } from '../../src/workflows/open-workflow.ts'

const root = join(import.meta.dirname, '../..')

/**
 * Writes a module for every file of the editor that can be converted: each is formatted, loads, rebuilds its prompt, has
 * what app mode lists, and compiles. Prints what is wrong, and last the figures.
 * @returns whether nothing is wrong
 */
export async function compareModules(folder: string, { objectInfo }: { objectInfo: string }): Promise<boolean> {
  const definitions = objectInfoSchema.parse(JSON.parse(readFileSync(objectInfo, 'utf8')))
  const lookUp: NodeLookup = (classType) => (Object.hasOwn(definitions, classType) ? definitions[classType] : undefined)
  const work = mkdtempSync(join(tmpdir(), 'modules-'))
  const files = readdirSync(join(folder, 'templates')).filter((file) => file.endsWith('.ui.json'))
  const sources = new Map<string, string>()
  const counts: number[] = []
  let wrong = 0
  try {
    for (const file of files) {
      const name = basename(file, '.ui.json')
      const made = makeModule(JSON.parse(readFileSync(join(folder, 'templates', file), 'utf8')), name, lookUp)
      if (typeof made === 'string') {
        console.log(`${name}: not converted: ${made}`)
        continue
      }
      const path = join(work, `${name.replace(/\W/g, '_')}.ts`)
      writeFileSync(path, made.source)
      sources.set(path, made.source)
      counts.push(made.plan.parameters.length)
      const opened = await openWorkflow({ file: path })
      const problems = [
        ...(await verifyModule({ module: opened.workflow, plan: made.plan, prompt: made.prompt })),
        ...opened.workflow.warnings,
        ...missingOfApp(made.plan, made.hints),
        ...((await format(made.source)) === made.source ? [] : ['is not formatted']),
      ]
      await opened.close()
      if (problems.length > 0) wrong += 1
      for (const problem of problems) console.log(`${name}: ${problem}`)
    }
  } finally {
    rmSync(work, { recursive: true })
  }
  const complaints = compile(sources)
  for (const complaint of complaints) console.log(complaint)
  const mean = counts.reduce((sum, count) => sum + count, 0) / Math.max(1, counts.length)
  const sorted = counts.toSorted((a, b) => a - b)
  console.log(
    `${files.length} files, ${sources.size} modules, ${wrong} of them wrong, ${complaints.length} errors of the compiler; ` +
      `parameters: mean ${mean.toFixed(1)}, median ${sorted[sorted.length >> 1] ?? 0}, most ${sorted.at(-1) ?? 0}`,
  )
  return wrong === 0 && complaints.length === 0
}

function makeModule(exported: unknown, name: string, lookUp: NodeLookup) {
  try {
    const { prompt, hints } = convertWorkflow(exported, { lookUp, source: 'the definitions of the corpus' })
    const plan = chooseParameters(prompt, { lookUp, hints: { ...hints, name } })
    return { prompt, hints, plan, source: writeModule(plan, prompt) }
  } catch (error) {
    if (error instanceof ConversionRefusedError) return error.message
    throw error
  }
}

function missingOfApp({ parameters }: ParameterPlan, { appInputs = [] }: ExportHints): readonly string[] {
  const places = new Set(parameters.flatMap(({ targets }) => targets.map(({ node, input }) => `${node}.${input}`)))
  return appInputs
    .flatMap(({ targets }) => targets.map(({ node, input }) => `${node}.${input}`))
    .filter((place) => !places.has(place))
    .map((place) => `app mode lists ${place}, which is no parameter`)
}

async function format(source: string): Promise<string> {
  const config = await prettier.resolveConfig(import.meta.filename)
  return prettier.format(source, { ...config, parser: 'typescript' })
}

/** What the compiler says of all modules together, as if they lay among the workflows of this project. */
function compile(sources: ReadonlyMap<string, string>): readonly string[] {
  const project = ts.readJsonConfigFile(join(root, 'tsconfig.json'), (name) => ts.sys.readFile(name))
  const { options } = ts.parseJsonSourceFileConfigFileContent(project, ts.sys, root)
  const files = new Map([...sources].map(([path, source]) => [join(root, 'workflows', basename(path)), source]))
  const disk = ts.createCompilerHost(options)
  const host: ts.CompilerHost = {
    ...disk,
    readFile: (name) => files.get(name) ?? disk.readFile(name),
    fileExists: (name) => files.has(name) || disk.fileExists(name),
    getSourceFile: (name, language) => {
      const text = files.get(name) ?? disk.readFile(name)
      return text === undefined ? undefined : ts.createSourceFile(name, text, language)
    },
  }
  const program = ts.createProgram([...files.keys()], options, host)
  return [...files.keys()].flatMap((name) =>
    program
      .getSemanticDiagnostics(program.getSourceFile(name))
      .map(({ messageText }) => `${basename(name)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`),
  )
}
