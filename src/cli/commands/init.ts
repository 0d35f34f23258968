import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { Command } from 'commander'
import type { TypeSources } from '../../config/package-info.ts'
import { editorFiles, exampleFiles, typesFolder, type FolderFiles } from '../workflow-folder-files.ts'
import type { Terminal } from '../terminal.ts'

export interface InitDependencies {
  readonly terminal: Pick<Terminal, 'print' | 'printError'>
  readonly typeSources: () => TypeSources
  /** Ends the process. */
  readonly exit: (code: number) => void
}

const about = `
Writes tsconfig.json, the types of zod and comfyui-api, and, where the folder holds no workflow yet, a small one.
An editor and "tsc" then know everything that a module may say. Files that are there stay as they are.`

export function initCommand(dependencies: InitDependencies): Command {
  return new Command('init')
    .description('Prepare a folder for writing workflow modules.')
    .argument('<folder>', 'The folder; made when there is none')
    .option('--force', 'Write over files that are there already, as after an update of comfyui-api.', false)
    .addHelpText('after', about)
    .action((folder: string, { force }: { force: boolean }) => init(folder, force, dependencies))
}

async function init(folder: string, isForced: boolean, dependencies: InitDependencies): Promise<void> {
  const { terminal, typeSources, exit } = dependencies
  try {
    const files = await editorFiles(typeSources())
    const isEmpty = !(await holdsModules(folder))
    const written = await writeFiles(folder, isEmpty ? new Map([...files, ...exampleFiles]) : files, isForced)
    for (const line of report(folder, written, isEmpty)) terminal.print(line)
  } catch (error) {
    terminal.printError(`${folder} cannot be prepared. ${error instanceof Error ? error.message : String(error)}`)
    exit(1)
  }
}

type Outcome = 'written' | 'kept' | 'unchanged'

async function writeFiles(
  folder: string,
  files: FolderFiles,
  isForced: boolean,
): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>()
  for (const [name, content] of files) {
    const path = join(folder, name)
    const before = await readFile(path, 'utf8').catch(() => undefined)
    if (before === content) outcomes.set(name, 'unchanged')
    else if (before !== undefined && !isForced) outcomes.set(name, 'kept')
    else {
      await mkdir(dirname(path), { recursive: true })
      // Another program may have made it meanwhile.
      await writeFile(path, content, { flag: isForced ? 'w' : 'wx' })
      outcomes.set(name, 'written')
    }
  }
  return outcomes
}

function report(folder: string, outcomes: ReadonlyMap<string, Outcome>, hasExample: boolean): readonly string[] {
  const groups = new Map<string, Set<Outcome>>()
  for (const [name, outcome] of outcomes) {
    const label = name.startsWith(typesFolder) ? `${typesFolder}/` : name
    groups.set(label, (groups.get(label) ?? new Set()).add(outcome))
  }
  const words = (found: ReadonlySet<Outcome>): string =>
    found.has('kept') ? 'kept (--force renews it)' : found.has('written') ? 'written' : 'up to date'
  const place = relative('', folder) === '' ? '.' : folder
  const argument = /^[\w./:\\@%+-]+$/.test(place) ? place : `"${place.replaceAll(/["$`]/g, String.raw`\$&`)}"`
  return [
    ...[...groups].map(([label, found]) => `${join(place, label)}  ${words(found)}`),
    '',
    'Next:',
    `  comfyui-api serve --demo --workflows ${argument}`,
    ...(hasExample
      ? ['  curl -X POST localhost:3000/examples/solid_color -d {} -H "accept: image/png" -o color.png']
      : []),
    `  npx -p typescript tsc -p ${argument}`,
  ]
}

/** Whether anything in the folder could be a workflow. A folder that is not there holds nothing. */
async function holdsModules(folder: string): Promise<boolean> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  return names.some(
    (name) =>
      /\.m?[jt]s$/.test(name) &&
      !/\.d\.m?ts$/.test(name) &&
      !name.split(/[\\/]/).some((part) => part.startsWith('.') || part === 'node_modules'),
  )
}
