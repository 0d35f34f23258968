import type { Config } from '../config/config.ts'
import type { GatewaySummary } from './gateway.ts'

export interface BannerFacts {
  readonly version: string
  readonly url: string
  readonly config: Config
  readonly summary: GatewaySummary
}

const maxListed = 12

/** What a person wants to know when the server is up. */
export function renderBanner({ version, url, config, summary }: BannerFacts): string {
  const { workflows, problems, notReady, instances } = summary
  const { publicUrl } = config.proxying
  const lines = [
    `comfyui-api ${version} answers at ${url}`,
    '',
    `  Documentation  ${url}/docs`,
    ...section('Public', publicUrl === undefined ? [] : [publicUrl]),
    ...section('Workflows', workflows.length === 0 ? ['none'] : shorten(workflows.map((name) => `POST /${name}`))),
    ...section('Not served', shorten(problems.map(({ file, reason }) => `${file}: ${reason}`))),
    ...section('Not ready', shorten(notReady.map(({ name, reason }) => `${name}: ${reason}`))),
    ...section('ComfyUI', config.demo.isEnabled ? ['the built-in simulator'] : instances.map(describeInstance)),
    ...section('Key', config.security.apiKeys.length === 0 && !config.server.isLoopback ? [openWarning] : []),
  ]
  return [...lines, ...(config.demo.isEnabled ? simulatedNotice : []), ''].join('\n')
}

/** The same facts as fields of one log line. */
export function bannerFields({ version, url, config, summary }: BannerFacts): Record<string, unknown> {
  return {
    version,
    url,
    docs: `${url}/docs`,
    workflows: summary.workflows,
    problems: summary.problems.map(({ file, reason }) => ({ file, reason })),
    notReady: summary.notReady.map(({ name, reason }) => ({ name, reason })),
    instances: summary.instances.map((instance) => ({ url: instance.url, version: instance.version })),
    isSimulated: config.demo.isEnabled,
    isKeyNeeded: config.security.apiKeys.length > 0,
  }
}

const openWarning = 'none: everybody who reaches this address can use it'

/** What everybody who reads the output or the log of a demo must know. */
export const simulatedWarning =
  'SIMULATED: no ComfyUI and no GPU is used. Every picture is drawn by the built-in simulator.'

const simulatedNotice = ['', ...box([simulatedWarning, 'For real ones: npm start -- --comfyui-url http://host:8188'])]

function box(lines: readonly string[]): string[] {
  const width = Math.max(...lines.map((line) => line.length))
  const edge = '─'.repeat(width + 4)
  return [`  ┌${edge}┐`, ...lines.map((line) => `  │  ${line.padEnd(width)}  │`), `  └${edge}┘`]
}

function describeInstance({ url, version }: GatewaySummary['instances'][number]): string {
  return `${url}  ${version === undefined ? 'not reachable yet' : `version ${version}`}`
}

function section(title: string, entries: readonly string[]): string[] {
  return entries.map((entry, index) => `  ${(index === 0 ? title : '').padEnd(13)}  ${entry}`)
}

function shorten(entries: readonly string[]): readonly string[] {
  if (entries.length <= maxListed) return entries
  return [...entries.slice(0, maxListed - 1), `and ${String(entries.length - maxListed + 1)} more`]
}
