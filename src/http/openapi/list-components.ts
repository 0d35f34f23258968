import type { ListField } from '../../workflows/served-workflow.ts'
import { pascalCase } from './component-names.ts'
import { folderOf, type WriteList } from './describe-lists.ts'
import { placeOfList } from '../../readiness/place-of-list.ts'
import { refTo } from './run-operation.ts'

/** Lists as components of the document: each stands there once, however many parameters have it. */
export interface ListComponents {
  readonly write: WriteList
  /** By name. */
  readonly schemas: Readonly<Record<string, unknown>>
}

/** @param isTaken whether something else in the document has the name */
export function createListComponents(isTaken: (name: string) => boolean): ListComponents {
  const schemas: Record<string, unknown> = {}
  const named = new Map<string, string>()

  function freeName(field: ListField): string {
    const wanted = pascalCase(wantedName(field))
    let name = wanted
    for (let count = 2; isTaken(name) || Object.hasOwn(schemas, name); count += 1) name = `${wanted}${count}`
    return name
  }

  return {
    schemas,
    write(field, names) {
      const key = JSON.stringify(names)
      let name = named.get(key)
      if (name === undefined) {
        name = freeName(field)
        named.set(key, name)
        schemas[name] = { type: 'string', enum: [...names], description: describe(field) }
      }
      return { $ref: refTo(name) }
    },
  }
}

function wantedName(field: ListField): string {
  const folder = folderOf(field)
  if (folder !== undefined) return `${folder} file`
  const place = placeOf(field)
  return place === undefined ? 'List' : `${place.classType} ${place.input}`
}

function describe(field: ListField): string {
  const folder = folderOf(field)
  const place = placeOf(field)
  if (folder === undefined && place === undefined) return 'What the instances have now.'
  const what = folder === undefined ? `For \`${place?.input}\` of \`${place?.classType}\`` : `In \`models/${folder}\``
  return `${what}: what the instances have now. There may be others later.`
}

function placeOf({ places, list }: ListField): ListField['places'][number] | undefined {
  return places[0] ?? (list && placeOfList(list))
}
