import { readdir } from 'node:fs/promises'

const root = new URL('../../', import.meta.url)

export function pageUrl(page: string): URL {
  return new URL(page, root)
}

/** The Markdown pages of the project, as paths from its root. */
export async function listPages(): Promise<readonly string[]> {
  const folders = ['', 'docs/', 'docs/decisions/', 'workflow_templates/']
  const listed = await Promise.all(
    folders.map(async (folder) => (await readdir(new URL(folder, root))).map((file) => `${folder}${file}`)),
  )
  return listed
    .flat()
    .filter((page) => page.endsWith('.md'))
    .toSorted()
}
