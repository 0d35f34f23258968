import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { readTypes } from '../../src/cli/read-types.ts'
import { readPackageVersion, typeSources } from '../../src/config/package-info.ts'
import { type Architecture, filesBelow, type Places, repository, shippedModules } from './places.ts'

/** Puts everything that the program reads at run time where it looks for it, beside the bundle. */
export async function stageFiles(places: Places): Promise<void> {
  const { stage } = places
  await writeJson(join(stage, 'package.json'), packageJson())
  await copy('prompts/describe-workflow.md', stage)
  await copyTables(stage)
  await copyWorkflows(stage)
  await copyDocsPage(stage)
  await copyTypes(stage)
  await copyNativeCode(places)
}

/** What the packer is told. */
function packageJson(): object {
  const assets = ['program.*', 'tables/**', 'prompts/**', 'workflows/**', 'types.json', 'native/**', 'node_modules/**']
  return { name: 'comfyui-api', version: readPackageVersion(), bin: 'boot.cjs', pkg: { assets } }
}

/** JSON that the sources import. */
async function copyTables(stage: string): Promise<void> {
  for (const name of await filesBelow(join(repository, 'src'))) {
    if (!name.endsWith('.json') || name.includes('fixtures/')) continue
    const table: unknown = JSON.parse(await readFile(join(repository, 'src', name), 'utf8'))
    await writeJson(
      join(stage, 'tables', basename(name)),
      name.endsWith('core-nodes.json') ? classesAsTexts(table) : table,
    )
  }
}

/** Few classes are used, so the others need not be read. */
function classesAsTexts(table: unknown): object {
  const { nodes, older, ...rest } = coreNodesSchema.parse(table)
  const asTexts = (classes: Record<string, unknown>): Record<string, string> =>
    Object.fromEntries(Object.entries(classes).map(([name, node]) => [name, JSON.stringify(node)]))
  return { ...rest, nodes: asTexts(nodes), older: { ...older, nodes: asTexts(older.nodes) } }
}

const classesSchema = z.record(z.string(), z.unknown())
const coreNodesSchema = z.looseObject({ nodes: classesSchema, older: z.looseObject({ nodes: classesSchema }) })

/** They are in the bundle as well; their sources are what is shown, and what tells that they are there. */
async function copyWorkflows(stage: string): Promise<void> {
  for (const name of await shippedModules()) await copy(join('workflows', name), stage)
}

async function copyDocsPage(stage: string): Promise<void> {
  const folder = 'node_modules/@fastify/swagger-ui'
  await copy(join(folder, 'package.json'), stage)
  for (const name of await readdir(join(repository, folder, 'static'))) await copy(join(folder, 'static', name), stage)
}

/** For `init`, and Zod 3, which only modules use that ask for it. */
async function copyTypes(stage: string): Promise<void> {
  await writeJson(join(stage, 'types.json'), Object.fromEntries(await readTypes(typeSources())))
  await copy('node_modules/zod/package.json', stage)
  for (const name of await filesBelow(join(repository, 'node_modules', 'zod', 'v3'))) {
    if (name.endsWith('.cjs')) await copy(join('node_modules', 'zod', 'v3', name), stage)
  }
}

/** Packages and their files, below `node_modules`. The first file of each is the one that is loaded. */
const nativePackages: Readonly<Record<string, (arch: Architecture) => readonly [folder: string, file: RegExp][]>> = {
  'oxc-transform': (arch) => [[`@oxc-transform/binding-linux-${arch}-gnu`, /\.node$/]],
  sharp: (arch) => [
    [`@img/sharp-linux-${arch}/lib`, /\.node$/],
    [`@img/sharp-libvips-linux-${arch}/lib`, /\.so[.\d]*$/],
  ],
}

/** The copies lie to each other as the packages do, which is how one finds the other. */
async function copyNativeCode({ arch, modules, stage }: Places): Promise<void> {
  const hash = createHash('sha256')
  const packages: Record<string, { path: string; sizeBytes: number }[]> = {}
  for (const [name, foldersFor] of Object.entries(nativePackages)) {
    packages[name] = []
    for (const [folder, wanted] of foldersFor(arch)) {
      const file = (await readdir(join(modules, folder))).find((each) => wanted.test(each))
      if (file === undefined) throw new Error(`${folder} has no native code: install its optional dependencies`)
      const path = join(folder, file)
      hash.update(await readFile(join(modules, path)))
      await cp(join(modules, path), join(stage, 'native', path))
      packages[name].push({ path, sizeBytes: (await stat(join(modules, path))).size })
    }
  }
  await writeJson(join(stage, 'native', 'files.json'), { version: hash.digest('hex').slice(0, 16), packages })
}

async function copy(path: string, stage: string): Promise<void> {
  await cp(join(repository, path), join(stage, path))
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await write(file, JSON.stringify(value))
}

async function write(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content)
}
