import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CoreNodesVersion, CoreNodeTable } from '../../../src/comfyui/wire/core-node-table.ts'

/**
 * Stands for src/comfyui/wire/core-node-table.ts. Every version has a text in which each class is a line, and so is each
 * value that classes share, so that only what is asked for is read.
 */
export function openCoreNodeTable(version: CoreNodesVersion): CoreNodeTable {
  const text = readFileSync(join(__dirname, 'core-nodes', version), 'latin1')
  const find = (name: string): unknown => {
    const start = `\n${name}\t`
    const at = text.indexOf(start)
    return at < 0 ? undefined : JSON.parse(text.slice(at + start.length, text.indexOf('\n', at + 1)))
  }
  let classTypes: readonly string[] | undefined
  return {
    classTypes: () => (classTypes ??= namesIn(text).filter((name) => !name.startsWith('$'))),
    stored: (classType) => find(classType),
    shared: (position) => find(`$${position}`),
  }
}

/** What the lines of a text begin with. */
function namesIn(text: string): readonly string[] {
  const names: string[] = []
  for (let at = text.indexOf('\n') + 1; at < text.length; at = text.indexOf('\n', at) + 1) {
    names.push(text.slice(at, text.indexOf('\t', at)))
  }
  return names
}
