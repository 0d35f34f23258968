import { createHash } from 'node:crypto'
import type { ServedWorkflow, WorkflowRegistry } from '../../workflows/served-workflow.ts'
import type { HttpLogger } from '../app-options.ts'
import { isRecord } from '../../lib/json-record.ts'
import { rawPromptName } from '../../workflows/graph/raw-prompt.ts'
import type { LiveLists } from '../../readiness/live-lists.ts'
import { withBodiesByType } from './bodies-by-type.ts'
import { componentNames } from './component-names.ts'
import { createListComponents } from './list-components.ts'
import { withOptionalBodies } from './optional-bodies.ts'
import { withProblemExamples } from './problem-examples.ts'
import { promptPath } from './prompt-fragment.ts'
import { workflowFragment } from './workflow-fragment.ts'

/** A rendered OpenAPI document. */
export interface RenderedDocument {
  readonly document: Readonly<Record<string, unknown>>
  readonly json: string
  readonly etag: string
}

/** The fixed part of the document with one fragment per workflow, made again only when workflows or lists change. */
export function createOpenApiDocument(options: {
  fixed: () => Readonly<Record<string, unknown>>
  registry: Pick<WorkflowRegistry, 'list' | 'revision'>
  lists: LiveLists
  takesRawPrompts: boolean
  logger: HttpLogger
}): () => RenderedDocument {
  const { registry, lists, logger } = options
  const fixed = options.takesRawPrompts ? () => withPrompt(options.fixed()) : options.fixed
  let rendered: { revision: string; value: RenderedDocument } | undefined
  return () => {
    const revision = `${registry.revision} ${lists.revision}`
    if (rendered?.revision !== revision) {
      const document = merge(fixed(), registry.list(), { lists, logger })
      const json = JSON.stringify(document)
      const etag = `"${createHash('sha256').update(json).digest('base64url').slice(0, 22)}"`
      rendered = { revision, value: { document, json, etag } }
    }
    return rendered.value
  }
}

function withPrompt(fixed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...fixed, paths: { ...asRecord(fixed['paths']), [`/${rawPromptName}`]: promptPath() } }
}

function merge(
  fixed: Readonly<Record<string, unknown>>,
  workflows: readonly ServedWorkflow[],
  { lists, logger }: { lists: LiveLists; logger: HttpLogger },
): Record<string, unknown> {
  const components = isRecord(fixed['components']) ? fixed['components'] : {}
  const paths: Record<string, unknown> = {}
  const schemas: Record<string, unknown> = { ...asRecord(components['schemas']) }
  const families = new Map<string, ServedWorkflow[]>()
  const names = componentNames(workflows.map((workflow) => workflow.name))
  const own = new Set([...names.values()].flatMap((name) => [`${name}Input`, `${name}Result`]))
  const listed = createListComponents((name) => own.has(name) || Object.hasOwn(schemas, name))
  for (const workflow of workflows) {
    try {
      const name = freeName(names.get(workflow.name) ?? workflow.name, schemas)
      const fragment = workflowFragment(workflow, name, { lists, writeList: listed.write })
      // A schema that cannot be written as JSON must not cost the whole document.
      JSON.stringify(fragment)
      paths[fragment.path] = fragment.item
      Object.assign(schemas, fragment.schemas)
      const family = familyOf(workflow)
      families.set(family, [...(families.get(family) ?? []), workflow])
    } catch (error) {
      logger.warn({ err: error, workflow: workflow.name }, 'A workflow cannot be documented')
    }
  }
  Object.assign(schemas, listed.schemas)
  const fixedPaths = withBodiesByType(withOptionalBodies(asRecord(fixed['paths'])))
  const { tags, order } = tagsOf(fixed['tags'], fixedPaths, families)
  Object.assign(paths, inOrder(fixedPaths, order))
  const mended = withProblemExamples(paths)
  return withoutUnused({ ...fixed, tags, paths: mended, components: { ...components, schemas } }, schemas)
}

/** Workflows come first: they are what most readers look for. */
function tagsOf(
  fixed: unknown,
  paths: Readonly<Record<string, unknown>>,
  families: ReadonlyMap<string, readonly ServedWorkflow[]>,
): { tags: readonly object[]; order: readonly string[] } {
  const used = new Set(Object.values(paths).map(tagOf))
  const own = (Array.isArray(fixed) ? fixed : []).filter(isRecord).filter((tag) => used.has(String(tag['name'])))
  const order = own.map((tag) => String(tag['name']))
  const tags = [...families]
    .filter(([family]) => !order.includes(family))
    .map(([name, workflows]) => ({ name, description: describeFamily(workflows) }))
  return { tags: [...tags, ...own], order }
}

const maxNamed = 5

function describeFamily(workflows: readonly ServedWorkflow[]): string {
  const names = workflows.slice(0, maxNamed).map(({ name, definition }) => definition.summary ?? name)
  const others = workflows.length - names.length
  const list = [...names, ...(others > 0 ? [`${others} more`] : [])].join('; ')
  return `${workflows.length === 1 ? '1 workflow' : `${workflows.length} workflows`}. ${list}.`
}

function familyOf({ name }: ServedWorkflow): string {
  return name.split('/')[0] ?? name
}

/** Paths by the place of their tag; those of one tag stay as they were. */
function inOrder(paths: Readonly<Record<string, unknown>>, order: readonly string[]): Record<string, unknown> {
  const place = (item: unknown) => order.indexOf(tagOf(item))
  return Object.fromEntries(Object.entries(paths).toSorted(([, a], [, b]) => place(a) - place(b)))
}

/** The tag of the first operation of a path. */
function tagOf(item: unknown): string {
  const [operation] = Object.values(asRecord(item))
  const { tags } = asRecord(operation)
  return Array.isArray(tags) ? String(tags[0]) : ''
}

function freeName(name: string, schemas: Readonly<Record<string, unknown>>): string {
  const isTaken = [`${name}Input`, `${name}Result`].some((component) => Object.hasOwn(schemas, component))
  return isTaken ? freeName(`${name}Workflow`, schemas) : name
}

/** Drops the named schemas that nothing refers to. */
function withoutUnused(
  document: Record<string, unknown>,
  schemas: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const used = new Set<string>()
  const collect = (text: string) => {
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"/]+)/g)) {
      if (name === undefined || used.has(name)) continue
      used.add(name)
      collect(JSON.stringify(schemas[name] ?? null))
    }
  }
  collect(JSON.stringify(document['paths']))
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)))
  return { ...document, components: { ...asRecord(document['components']), schemas: kept } }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}
