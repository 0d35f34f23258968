import type { NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import { nearestName } from '../../../lib/nearest-name.ts'
import { createRecentMap, type RecentMap } from '../../../lib/recent-map.ts'

const maxRemembered = 200
const remembered = new WeakMap<NodeCatalogue['classTypes'], RecentMap<string, { readonly name: string | undefined }>>()

/** The class that was most likely meant. Remembered: the graphs of one workflow lack the same classes. */
export function nearestClass(classType: string, { classTypes }: NodeCatalogue): string | undefined {
  let answers = remembered.get(classTypes)
  if (answers === undefined) remembered.set(classTypes, (answers = createRecentMap(maxRemembered)))
  let answer = answers.get(classType)
  if (answer === undefined) answers.set(classType, (answer = { name: nearestName(classType, classTypes) }))
  return answer.name
}
