import { readFile } from 'node:fs/promises'

/** The configuration for a proxy in docs/proxy.md, as it stands there. */
export async function documentedConfig(language: 'nginx' | 'caddyfile'): Promise<string> {
  const text = await readFile(new URL('../../docs/proxy.md', import.meta.url), 'utf8')
  const [, block] = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(text) ?? []
  if (block === undefined) throw new Error(`docs/proxy.md has no configuration for ${language}`)
  return block
}

/** @throws when the document has not what is to be replaced */
export function replaceAddresses(config: string, addresses: Readonly<Record<string, string>>): string {
  return Object.entries(addresses).reduce((text, [documented, here]) => {
    if (!text.includes(documented)) throw new Error(`the documented configuration has no "${documented}"`)
    return text.replace(documented, here)
  }, config)
}
