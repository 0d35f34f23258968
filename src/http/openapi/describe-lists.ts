import { modelFolder } from '../../comfyui/wire/model-folders.ts'
import type { LiveLists } from '../../readiness/live-lists.ts'
import { textSchemasAt } from '../../workflows/parameters/describe-input.ts'
import type { ListField, ServedWorkflow } from '../../workflows/served-workflow.ts'

/** Longer lists make documents that nobody reads: of those it is told where they are. */
const maxListed = 200
const maxExamples = 10

/** Makes the schema of a list of names, or a reference to one. */
export type WriteList = (field: ListField, names: readonly string[]) => Readonly<Record<string, unknown>>

export interface DescribeListsOptions {
  readonly lists: Pick<LiveLists, 'names'>
  readonly writeList?: WriteList
}

/**
 * A copy of the JSON Schema of the parameters of a workflow in which it stands what the instances have for those that
 * feed lists. Any other text goes with it still: a model that comes later must not be refused by a client that was made
 * before.
 */
export function describeLists(
  schema: Readonly<Record<string, unknown>>,
  { listFields }: Pick<ServedWorkflow, 'listFields'>,
  { lists, writeList = inlineList }: DescribeListsOptions,
): Readonly<Record<string, unknown>> {
  const known = listFields.flatMap((field) => {
    const names = lists.names(field)
    return names === undefined ? [] : [{ field, names }]
  })
  if (known.length === 0) return schema
  const copy = structuredClone(schema)
  for (const { field, names } of known) {
    for (const text of textSchemasAt(copy, field.path)) {
      if (names.length === 0 || names.length > maxListed) describeLength(text, field, names)
      else addList(text, writeList(field, names))
    }
  }
  return copy
}

/** The list itself. */
export function inlineList(_field: ListField, names: readonly string[]): Readonly<Record<string, unknown>> {
  return { type: 'string', enum: [...names] }
}

/** What says something of the parameter, whichever of the two its value is. */
const annotations = new Set([
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'x-comfyui-model',
  'x-comfyui-list',
])

function addList(text: Record<string, unknown>, list: Readonly<Record<string, unknown>>): void {
  const own = Object.entries(text).filter(([key]) => !annotations.has(key))
  for (const [key] of own) Reflect.deleteProperty(text, key)
  text['anyOf'] = [list, Object.fromEntries(own)]
}

/** The folder of models that a parameter names a file of. */
export function folderOf({ places: [place], list }: ListField): string | undefined {
  if (list !== undefined) return 'folder' in list ? list.folder : undefined
  return place && modelFolder(place.classType, place.input)
}

function describeLength(text: Record<string, unknown>, field: ListField, names: readonly string[]): void {
  const folder = folderOf(field)
  const count = names.length === 0 ? 'No instance has any now' : `The instances have ${names.length} of them`
  const note = folder === undefined ? `${count}.` : `${count}: \`GET /models?type=${folder}\`.`
  const { description } = text
  text['description'] = typeof description === 'string' && description !== '' ? `${ended(description)} ${note}` : note
  if (names.length > 0 && text['examples'] === undefined) text['examples'] = names.slice(0, maxExamples)
}

function ended(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`
}
