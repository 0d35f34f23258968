import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { z } from 'zod'
import type { ThirdPartyPackage } from './third-party-packages.ts'

const require = createRequire(import.meta.url)
const spdxSchema = z.looseObject({ licenseText: z.string() })
const licenceFile = /^(?:licen[cs]e|copying|notice|third-party)/i
const line = '='.repeat(80)

/**
 * One text with the licences of all packages: the files that they bring, else the text of the licence that they declare.
 * @throws Error for a package whose licence is neither in it nor known
 */
export function licenceTexts(packages: readonly ThirdPartyPackage[]): string {
  const parts = packages.map((each) => {
    const texts = textsOf(each).map((text) => text.replaceAll('\r\n', '\n').trim())
    return [
      line,
      `${each.name} ${each.version} (${each.license})`,
      line,
      '',
      texts.join(`\n\n${'-'.repeat(80)}\n\n`),
    ].join('\n')
  })
  return `comfyui-api contains these packages of others, each under its own licence.\n\n${parts.join('\n\n')}\n`
}

function textsOf({ name, license, folder }: ThirdPartyPackage): string[] {
  const files = readdirSync(folder).filter((file) => licenceFile.test(file))
  if (files.length > 0) return files.toSorted().map((file) => readFileSync(join(folder, file), 'utf8'))
  const ids = license.match(/[A-Za-z][\w.+-]*/g)?.filter((id) => !/^(?:AND|OR|WITH)$/.test(id)) ?? []
  // What was built of several libraries lists them there, each with its terms.
  const readme = join(folder, 'README.md')
  return [
    ...(existsSync(readme) && /licen[cs]/i.test(readFileSync(readme, 'utf8')) ? [readFileSync(readme, 'utf8')] : []),
    ...ids.flatMap(withReferred).map((id) => spdxText(id, name)),
  ]
}

/** The Lesser GPL is the GPL and what it permits beyond that. */
function withReferred(id: string): string[] {
  const version = /^LGPL-(3\.0)/.exec(id)?.[1]
  return version === undefined ? [id] : [id, `GPL-${version}-only`]
}

function spdxText(id: string, name: string): string {
  try {
    return spdxSchema.parse(require(`spdx-license-list/licenses/${id}.json`)).licenseText
  } catch (cause) {
    throw new Error(`${name} brings no licence, and the text of ${id} is not known`, { cause })
  }
}
