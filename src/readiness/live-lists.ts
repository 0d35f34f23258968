import type { InstancePool } from '../instances/instance-pool.ts'
import { namesOf } from '../instances/missing-parts.ts'
import type { NameList } from '../workflows/parameters/names.ts'
import { coreNames } from '../workflows/salad/known-names.ts'
import type { ListField } from '../workflows/served-workflow.ts'
import { placeOfList } from './place-of-list.ts'

/** What instances take for parameters that end up in inputs with a list. */
export interface LiveLists {
  /** Another one whenever any of the lists may be another one. */
  readonly revision: string
  /**
   * The names that an instance takes at all places of the parameter, of all instances. Where these list nothing, those of
   * the list that the module says it is; undefined where nothing is known of that either.
   */
  names(field: ListField): readonly string[] | undefined
}

export function createLiveLists(pool: Pick<InstancePool, 'catalogues'>): LiveLists {
  /** Of the catalogues of one revision: many parameters end up at the same places. */
  let remembered: { revision: string; byField: Map<string, readonly string[] | undefined> } | undefined

  const revisionNow = () =>
    pool
      .catalogues()
      .map(({ catalogue }) => catalogue.fingerprint)
      .sort()
      .join(' ')

  return {
    get revision() {
      return revisionNow()
    },
    names({ places, list }) {
      const revision = revisionNow()
      if (remembered?.revision !== revision) remembered = { revision, byField: new Map() }
      const { byField } = remembered
      const key = JSON.stringify([places, list])
      if (!byField.has(key)) byField.set(key, unite(places, pool.catalogues()) ?? namesOfList(list, pool.catalogues()))
      return byField.get(key)
    },
  }
}

function namesOfList(
  list: NameList | undefined,
  catalogues: ReturnType<InstancePool['catalogues']>,
): readonly string[] | undefined {
  if (list === undefined) return undefined
  const place = placeOfList(list)
  const told = place === undefined ? undefined : unite([place], catalogues)
  return told ?? ('of' in list ? coreNames()[list.of] : undefined)
}

function unite(
  places: ListField['places'],
  catalogues: ReturnType<InstancePool['catalogues']>,
): readonly string[] | undefined {
  const union = new Set<string>()
  let isListed = false
  for (const { catalogue } of catalogues) {
    const lists = places.flatMap(({ classType, input }) => {
      const names = namesOf(catalogue, classType, input)
      return names === undefined ? [] : [names]
    })
    if (lists.length > 0) isListed = true
    for (const name of inAll(lists)) union.add(name)
  }
  return isListed ? [...union] : undefined
}

function inAll([first = [], ...others]: readonly (readonly string[])[]): readonly string[] {
  if (others.length === 0) return first
  const sets = others.map((names) => new Set(names))
  return first.filter((name) => sets.every((names) => names.has(name)))
}
