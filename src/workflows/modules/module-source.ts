import { readFileSync } from 'node:fs'

/** How a module was written, by its syntax; undefined for code that is valid as both. */
export function moduleKind(code: string): 'module' | 'commonjs' | undefined {
  if (/^\s*(?:import|export)(?:\s+[\w$]|\s*[*{'"])/m.test(code)) return 'module'
  return /\b(?:module\.exports|exports\.\w|exports\[|require\s*\()/.test(code) ? 'commonjs' : undefined
}

/** The import by which a module gets Zod. */
export function zodImportOf(source: string): string {
  return /['"](zod(?:\/v[34])?)['"]/.exec(source)?.[1] ?? 'zod'
}

/** Whether the file at this URL is part of a package `zod` whose version begins with 3. */
export function isZod3(url: string): boolean {
  const folder = /^file:.*\/node_modules\/zod\//.exec(url)?.[0]
  if (folder === undefined) return false
  return /"version":\s*"3\./.test(readFileSync(new URL('package.json', folder), 'utf8'))
}
