import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { coreNodesVersions, openCoreNodeTable } from '../../src/comfyui/wire/core-node-table.ts'
import { readTypes } from '../../src/cli/read-types.ts'
import { readPackageVersion, typeSources } from '../../src/config/package-info.ts'
import { escapeCharacters } from './escape-characters.ts'
import { type Architecture, type Places, repository, shippedModules } from './places.ts'

/** Puts everything that the program reads at run time where it looks for it, beside the bundle. */
export async function stageFiles(places: Places): Promise<void> {
  const { stage } = places
  await writeJson(join(stage, 'package.json'), { name: 'comfyui-api', version: readPackageVersion() })
  await copy('prompts/describe-workflow.md', stage)
  await copyCoreNodes(stage)
  await copyWorkflows(stage)
  await copyDocsPage(stage)
  await copyTypes(stage)
  await copyNativeCode(places)
}

/** See runtime/core-node-table.ts. */
async function copyCoreNodes(stage: string): Promise<void> {
  for (const version of coreNodesVersions) {
    const table = openCoreNodeTable(version)
    const lines = table.classTypes().map((classType) => `${classType}\t${JSON.stringify(table.stored(classType))}`)
    for (let position = 0, value; (value = table.shared(position)) !== undefined; position++)
      lines.push(`$${String(position)}\t${JSON.stringify(value)}`)
    const text = ['', ...lines, ''].join('\n')
    await write(join(stage, 'core-nodes', version), escapeCharacters(text))
  }
}

/** They are in the bundle as well; their sources are what is shown, and what tells that they are there. */
async function copyWorkflows(stage: string): Promise<void> {
  for (const name of await shippedModules()) await copy(join('workflows', name), stage)
}

async function copyDocsPage(stage: string): Promise<void> {
  const folder = 'node_modules/@fastify/swagger-ui'
  await copy(join(folder, 'package.json'), stage)
  for (const name of await readdir(join(repository, folder, 'static'))) await copy(join(folder, 'static', name), stage)
}

/** For `init`. The package of Zod only has to be found. */
async function copyTypes(stage: string): Promise<void> {
  await writeJson(join(stage, 'types.json'), Object.fromEntries(await readTypes(typeSources())))
  await copy('node_modules/zod/package.json', stage)
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
