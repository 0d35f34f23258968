import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** An installed package that the program is made of. */
export interface ThirdPartyPackage {
  readonly name: string
  readonly version: string
  /** SPDX expression, as the package declares it. */
  readonly license: string
  readonly folder: string
}

const entrySchema = z.looseObject({
  version: z.string().optional(),
  license: z.string().optional(),
  dev: z.boolean().optional(),
  devOptional: z.boolean().optional(),
})
const lockSchema = z.looseObject({ packages: z.record(z.string(), entrySchema) })
const manifestSchema = z.looseObject({ license: z.string().optional() })

/**
 * The packages of package-lock.json that the program needs at run time and that are installed here, sorted by name.
 * Those for other platforms are not installed.
 * @throws Error when one declares no licence
 */
export function thirdPartyPackages(root: string): ThirdPartyPackage[] {
  const { packages } = lockSchema.parse(readJson(join(root, 'package-lock.json')))
  return Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true)
    .map(([path, entry]) => ({ name: path.replace(/^.*node_modules\//, ''), entry, folder: join(root, path) }))
    .filter(({ folder }) => existsSync(folder))
    .map(({ name, entry, folder }) => {
      const license = entry.license ?? manifestSchema.parse(readJson(join(folder, 'package.json'))).license
      if (license === undefined || entry.version === undefined)
        throw new Error(`${name} declares no licence or version`)
      return { name, version: entry.version, license, folder }
    })
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en') || a.version.localeCompare(b.version, 'en'))
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}
