/** Writes the generated pages of docs/. With --check it writes nothing and fails when a page is not up to date. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { renderConfiguration } from './docs/render-configuration.ts'
import { renderErrors } from './docs/render-errors.ts'
import { renderObservability } from './docs/render-observability.ts'
import { renderSimulator } from './docs/render-simulator.ts'

const folder = join(import.meta.dirname, '..', 'docs')
const pages = {
  'configuration.md': renderConfiguration,
  'errors.md': renderErrors,
  'observability.md': renderObservability,
  'simulator.md': renderSimulator,
}

const outdated: string[] = []
for (const [name, render] of Object.entries(pages)) {
  const path = join(folder, name)
  const text = await format(render(), { ...(await resolveConfig(path)), filepath: path })
  if (process.argv.includes('--check')) {
    if (text !== read(path)) outdated.push(name)
  } else {
    writeFileSync(path, text)
  }
}
if (outdated.length > 0) {
  console.error(`Not up to date: docs/${outdated.join(', docs/')}. Run: npm run docs:generate`)
  process.exit(1)
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
