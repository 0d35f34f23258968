import { flagName, type Setting } from '../../src/config/setting.ts'
import { settings } from '../../src/config/settings.ts'

/** docs/configuration.md, from the table of settings. */
export function renderConfiguration(): string {
  const all = Object.values<Setting<unknown>>(settings)
  const groups = [...new Set(all.map(({ group }) => group))]
  return [
    '<!-- Generated from src/config/settings.ts by `npm run docs:generate`. -->',
    '# Configuration',
    'Everything is set by environment variables or by flags of `comfyui-api serve`. A flag wins over its variable. A ' +
      'variable that is set but empty counts as not set. `.env` files are not read. A value that breaks its rule stops ' +
      'the start, and all such values are told at once. A variable that begins with `COMFYUI_API_` and is not in this ' +
      'list makes a warning.',
    ...groups.flatMap((group) => [`## ${group}`, ...all.filter((setting) => setting.group === group).map(render)]),
    '',
  ].join('\n\n')
}

function render(setting: Setting<unknown>): string {
  const names = [setting.env, ...(setting.envAliases ?? [])]
  const facts = [
    setting.flag === undefined ? '' : `Flag: \`${setting.flag}\`.`,
    setting.command === undefined ? '' : `Of: \`comfyui-api ${setting.command}\`.`,
    setting.envAliases === undefined ? '' : `Other name: \`${setting.envAliases.join('`, `')}\`.`,
    describeSeveral(setting),
    `Value: ${setting.rule}.`,
    setting.defaultText === undefined ? '' : `Default: \`${setting.defaultText}\`.`,
  ].filter((fact) => fact !== '')
  return `### \`${names[0] ?? ''}\`\n\n${setting.description}\n\n${facts.map((fact) => `- ${fact}`).join('\n')}`
}

function describeSeveral({ repeatable, separator, flag }: Setting<unknown>): string {
  if (!repeatable) return ''
  const by = separator === 'path delimiter' ? '`:` (on Windows `;`)' : separator === 'comma' ? 'commas' : 'blanks'
  const repeated = flag === undefined ? '' : `, or the flag \`${flagName(flag)}\` repeated`
  return `Several values: separated by ${by}${repeated}.`
}
