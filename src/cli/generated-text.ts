import type { GeneratedModule, GeneratedParameter } from './generating.ts'
import { printable, wrap } from './wrap.ts'

export interface GeneratedTextOptions {
  /** Columns. Only words that are longer go beyond. */
  readonly width: number
}

const longestDefault = 40

/** What was made, as a person reads it: the route, its parameters, what it needs and what to do next. */
export function renderGenerated(made: GeneratedModule, { width }: GeneratedTextOptions): string {
  const { route, files, parameters, outputs, requiredModels, requiredNodes, warnings, call, definitions } = made
  const paragraphs = [
    [
      ...(files === undefined ? [] : [`${files.module} is written, and ${files.copy}, which it was made of.`]),
      ...wrap(`It is POST /${route}. The definitions are ${definitions}.`, width),
    ],
    parameters.length === 0 ? ['It has no parameters.'] : ['Parameters:', ...table(parameters.map(parameterCells))],
    ['Outputs:', ...table(outputs.map(({ name, node }) => [name, `node ${node}`]))],
    ...list(
      'Models that it needs:',
      requiredModels.map(({ name, directory, url }) => [name, directory, url]),
    ),
    ...list(
      'Packs of custom nodes that it needs:',
      requiredNodes.map(({ pack, version, url }) => [pack, version, url]),
    ),
    ...(warnings.length === 0 ? [] : [warnings.flatMap((warning) => hanging('warning: ', warning, width))]),
    ...(files === undefined
      ? []
      : [['Next:', `  comfyui-api serve --workflows ${shellWord(files.folder)}`, `  ${call}`]]),
  ]
  return paragraphs.map((lines) => lines.map(printable).join('\n')).join('\n\n')
}

function parameterCells({ name, level, type, default: given }: GeneratedParameter): readonly string[] {
  const value = given === undefined ? 'required' : `default ${shortened(given)}`
  return [name, type, value, level === 'main' ? '' : level]
}

function shortened(text: string): string {
  return text.length > longestDefault ? `${text.slice(0, longestDefault)}…` : text
}

function list(title: string, rows: readonly (readonly (string | undefined)[])[]): readonly (readonly string[])[] {
  if (rows.length === 0) return []
  return [[title, ...rows.map((row) => `  ${row.filter((part) => part !== undefined).join('  ')}`)]]
}

/** Columns as wide as what is in them. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
}

function hanging(label: string, text: string, width: number): readonly string[] {
  return wrap(text, width - label.length).map((line, index) => (index === 0 ? label : ' '.repeat(label.length)) + line)
}

function shellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
