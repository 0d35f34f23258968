import type { ExportRoute } from './exports/export-files.ts'
import { folderLabel, type RouteFile, type ScannedFolder } from './modules/scan-folder.ts'
import type { WorkflowProblem } from './served-workflow.ts'

/** A file that should be a route. */
export type Route = RouteFile | ExportRoute

export interface MergedRoutes {
  readonly routes: ReadonlyMap<string, Route>
  /** The files that are none, and why. */
  readonly problems: readonly WorkflowProblem[]
}

export function isExport(route: Route): route is ExportRoute {
  return 'content' in route
}

/**
 * The routes of all folders: a later folder wins, in a folder a module wins, and the loser is told.
 * @param found the exports of these folders, the preferred ones first
 */
export function mergeRoutes(scans: readonly ScannedFolder[], found: readonly ExportRoute[]): MergedRoutes {
  const routes = new Map<string, Route>()
  const problems = scans.flatMap((scan) => scan.refused.map(({ file, name, reason }) => refusal(file, name, reason)))
  const usable = found.filter((route) => {
    if (route.refused !== undefined) problems.push(refusal(route.file, route.name, route.refused))
    return route.refused === undefined
  })
  for (const scan of scans) {
    const inFolder = new Map<string, Route>(scan.routes.map((route) => [route.name, route]))
    for (const route of usable) {
      if (!scan.exports.includes(route.origin)) continue
      const other = inFolder.get(route.name)
      if (other === undefined) inFolder.set(route.name, route)
      else problems.push(refusal(route.file, route.name, `the route /${route.name} is served from ${other.file}`))
    }
    for (const route of inFolder.values()) {
      const other = routes.get(route.name)
      routes.set(route.name, route)
      if (other === undefined) continue
      const winner = `${folderLabel(route.folder)}/${route.file}`
      problems.push(refusal(other.file, other.name, `/${other.name} is served from ${winner}, in a folder given later`))
    }
  }
  return { routes, problems: problems.toSorted((a, b) => (a.file < b.file ? -1 : 1)) }
}

function refusal(file: string, name: string | undefined, reason: string): WorkflowProblem {
  return { file, name, line: undefined, column: undefined, reason, servingPrevious: false }
}
