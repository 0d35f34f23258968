import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { envPrefix, settings } from '../../src/config/settings.ts'
import { errorCatalogue } from '../../src/errors/error-catalogue.ts'
import { listPages, pageUrl } from '../support/document-pages.ts'
import { openShippedWorkflows } from '../support/shipped-workflows.ts'
import { startTestApp } from '../support/start-test-app.ts'

const run = promisify(execFile)
const root = new URL('../../', import.meta.url)
const pages = (await listPages()).map((page) => ({ page, text: readFileSync(pageUrl(page), 'utf8') }))
const fenced = /^```[\s\S]*?^```$/gm

/** What stands between backticks, blocks left out: those are tried as they are. */
function codeIn(text: string): readonly string[] {
  return [...text.replaceAll(fenced, '').matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
}

function allIn(texts: readonly string[], pattern: RegExp): readonly string[] {
  return [...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1] ?? match[0])))]
}

const flag = /(?<![\w-])--[a-z][a-z-]*/g

async function helpOf(command: string): Promise<string> {
  const main = fileURLToPath(new URL('src/main.ts', root))
  return (await run(process.execPath, [main, command, '--help'])).stdout
}

/** The flags that the commands and the scripts say they have. */
async function knownFlags(): Promise<readonly string[]> {
  const scripts = [
    ...readdirSync(new URL('scripts/', root)).map((file) => `scripts/${file}`),
    ...['chaos', 'bench', 'fuzz'].map((folder) => `test/${folder}/run.ts`),
  ].filter((file) => file.endsWith('.ts'))
  const usages = scripts.map((file) => readFileSync(new URL(file, root), 'utf8'))
  const helps = await Promise.all(
    ['serve', 'render', 'check', 'object-info', 'convert', 'generate-workflow', 'init', 'health'].map(helpOf),
  )
  return allIn([...helps, ...usages], flag)
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ +(.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

const packageSchema = z.object({ scripts: z.record(z.string(), z.string()) })
const problemSchema = z.looseObject({ code: z.string() })

describe('the pages name only what there is:', () => {
  test.each(pages)('links of $page', ({ page, text }) => {
    const links = allIn([text.replaceAll(fenced, '')], /\]\((?!https?:)([^)\s]+)\)/g)
    for (const link of links) {
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? pageUrl(page) : new URL(file, pageUrl(page))
      expect(existsSync(target), link).toBe(true)
      if (anchor !== undefined) expect(anchorsOf(readFileSync(target, 'utf8')), link).toContain(anchor)
    }
  })

  test('files', () => {
    for (const { page, text } of pages) {
      const files = codeIn(text).filter((code) => /^(?:src|test|docs|scripts|bin|\.ci)\/[\w./-]*$/.test(code))
      for (const file of files) expect(existsSync(new URL(file, root)), `${page}: ${file}`).toBe(true)
    }
  })

  test('flags', async () => {
    const known = await knownFlags()
    expect(known.length).toBeGreaterThan(30)
    for (const { page, text } of pages)
      for (const used of allIn(codeIn(text), flag)) expect(known, page).toContain(used)
  })

  test('settings', () => {
    const known = Object.values(settings).map(({ env }) => env)
    for (const { page, text } of pages) {
      for (const used of allIn(codeIn(text), new RegExp(`${envPrefix}\\w+`, 'g'))) expect(known, page).toContain(used)
    }
  })

  test('scripts', () => {
    const { scripts } = packageSchema.parse(JSON.parse(readFileSync(new URL('package.json', root), 'utf8')))
    for (const { page, text } of pages) {
      for (const used of allIn(codeIn(text), /npm run ([\w:-]+)/g)) expect(Object.keys(scripts), page).toContain(used)
    }
  })

  test('errors, with their status', () => {
    const known = Object.entries(errorCatalogue).map(([code, { status }]) => `${status} \`${code}\``)
    for (const { page, text } of pages) {
      for (const used of allIn([text], /\b[45]\d\d `\w+`/g)) expect(known, page).toContain(used)
    }
  })

  test('addresses', async () => {
    await using gateway = await startTestApp()
    const ofGateway = pages.filter(({ page }) =>
      /^(?:README|docs\/(?:http|proxy|workflows|reliability))\.md$/.test(page),
    )
    for (const { page, text } of ofGateway) {
      for (const used of allIn(codeIn(text), /^(?:GET|POST|DELETE) \/\S*$/g)) {
        const [method = '', address = ''] = used.split(' ')
        const path = address
          .replace('{folder}/{workflow}', 'test/txt2img')
          .replace('{name}', 'test/txt2img')
          .replaceAll(/\{\w+\}/g, '1')
          .replace(/\b(?:draw|qwen)\/\w+/, 'test/txt2img')
        const signal = AbortSignal.timeout(60_000)
        const answer = await fetch(gateway.url + path, { method, signal })
        if (answer.ok) await answer.body?.cancel()
        else {
          const { code } = problemSchema.parse(await answer.json())
          expect(['not_found', 'method_not_allowed'], `${page}: ${used} is ${code}`).not.toContain(code)
        }
      }
    }
  })
})

test('the README lists the shipped workflows, and which of them need node packs', async () => {
  const registry = await openShippedWorkflows()
  const shipped = registry.list().map(({ name, definition }) => ({
    name,
    needsPacks: (definition.metadata?.requiredNodes ?? []).length > 0,
  }))
  await registry.close()
  const readme = readFileSync(pageUrl('README.md'), 'utf8')
  const rows = [...readme.matchAll(/^\| `(\w+\/\w+)` +\|.*$/gm)]
  const listed = rows.map(([row, name = '']) => ({ name, needsPacks: row.includes('custom node packs') }))
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
  expect(listed.toSorted(byName)).toEqual(shipped.toSorted(byName))
})

test('docs/architecture.md has a place for every folder', () => {
  const named = codeIn(readFileSync(pageUrl('docs/architecture.md'), 'utf8'))
  const foldersIn = (folder: string) =>
    readdirSync(new URL(folder, root), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${folder}${name}/`)
  const own = foldersIn('src/')
  const folders = [...own, ...own.flatMap(foldersIn), ...foldersIn('test/')]
  expect(folders.length).toBeGreaterThan(30)
  for (const folder of folders) {
    const last = `${folder.split('/').at(-2) ?? ''}/`
    const isListed = /^src\/(?:simulator|converter)\//.test(folder) && named.includes(last)
    expect(named.includes(folder) || isListed, folder).toBe(true)
  }
})
