/*
 * Compares what this project says with what real ComfyUI servers and the real editor said, over a corpus of recordings.
 *
 *   node scripts/test-corpus.ts check|convert|generate|serve [FOLDER] [--object-info FILE]
 *
 * Prints every disagreement and, last, one line with the figures. The exit code is 1 when they are below the bars.
 */
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compareChecks } from './corpus/check.ts'
import { compareConversions } from './corpus/convert.ts'
import { compareModules } from './corpus/generate.ts'
import { compareMedia } from './corpus/media.ts'
import { serveTemplates } from './corpus/serve.ts'

/** Whether the figures reach the bars. */
type Comparison = (folder: string, options: { objectInfo: string }) => boolean | Promise<boolean>

const comparisons: Readonly<Record<string, Comparison>> = {
  check: compareChecks,
  convert: compareConversions,
  generate: compareModules,
  media: compareMedia,
  serve: serveTemplates,
}

const { values, positionals } = parseArgs({ options: { 'object-info': { type: 'string' } }, allowPositionals: true })
const [what = '', folderGiven] = positionals
const repository = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = resolve(folderGiven ?? join(repository, '../shared/corpus'))
// The editor whose conversions were recorded knew no model files; prompts were judged by a server that had all of them.
const recorded = what === 'convert' ? '0.33.0.json' : '0.33.0-with-models.json'
const objectInfo = resolve(values['object-info'] ?? join(folder, 'object_info', recorded))
const compare = Object.hasOwn(comparisons, what) ? comparisons[what] : undefined

if (compare === undefined) {
  console.error(`usage: npm run test:corpus -- ${Object.keys(comparisons).join('|')} [FOLDER] [--object-info FILE]`)
  process.exitCode = 2
} else if (existsSync(folder)) {
  process.exitCode = (await compare(folder, { objectInfo })) ? 0 : 1
} else {
  console.log(`There is no corpus in ${folder}: nothing was compared. Name its folder as argument.`)
}
