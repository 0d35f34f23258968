/** Id in the file → id in the prompt, for those that differ. */
export type IdMap = ReadonlyMap<string, string>

interface SavedIds {
  readonly lastNodeId: number
  readonly rootIds: readonly (number | string)[]
  readonly subgraphs: readonly { readonly id: string; readonly nodeIds: readonly (number | string)[] }[]
}

/**
 * The editor wants numeric node ids to be unique over the root graph and all subgraphs, and renumbers on loading: ids of
 * the root graph stay, and a node inside of a subgraph whose id is taken gets the next free one.
 * @returns subgraph → what changes in it
 */
export function uniqueIds({ lastNodeId, rootIds, subgraphs }: SavedIds): ReadonlyMap<string, IdMap> {
  const taken = new Set(rootIds.filter(isCounted))
  let last = [...taken].reduce((most, id) => Math.max(most, id), isCounted(lastNodeId) ? lastNodeId : 0)
  const result = new Map<string, IdMap>()
  for (const { id: subgraph, nodeIds } of subgraphs) {
    const ids = new Map<string, string>()
    for (const id of nodeIds) {
      if (!isCounted(id)) continue
      if (taken.has(id)) {
        do last += 1
        while (taken.has(last))
        taken.add(last)
        ids.set(String(id), String(last))
      } else {
        taken.add(id)
        last = Math.max(last, id)
      }
    }
    if (ids.size > 0) result.set(subgraph, ids)
  }
  return result
}

/** The editor's own highest id; beyond it counting on makes no sense. */
const highestId = 100_000_000

/** Texts and odd numbers are left as they are. */
function isCounted(id: number | string): id is number {
  return typeof id === 'number' && Number.isInteger(id) && Math.abs(id) <= highestId
}
