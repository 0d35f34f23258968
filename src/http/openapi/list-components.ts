import { modelFolder } from '../../comfyui/wire/model-folders.ts'
import type { ListField } from '../../workflows/served-workflow.ts'
import { pascalCase } from './component-names.ts'
import type { WriteList } from './describe-lists.ts'
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

function wantedName({ places: [place] }: ListField): string {
  if (place === undefined) return 'List'
  const folder = modelFolder(place.classType, place.input)
  return folder === undefined ? `${place.classType} ${place.input}` : `${folder} file`
}

function describe({ places: [place] }: ListField): string {
  if (place === undefined) return 'What the instances have now.'
  const { classType, input } = place
  const folder = modelFolder(classType, input)
  const what = folder === undefined ? `For \`${input}\` of \`${classType}\`` : `In \`models/${folder}\``
  return `${what}: what the instances have now. There may be others later.`
}
