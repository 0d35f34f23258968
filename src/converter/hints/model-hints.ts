import { z } from 'zod'
import type { ModelHint } from '../parameters/export-hints.ts'
import type { HintSources } from './hint-sources.ts'
import { listOf } from '../list-of.ts'

const textSchema = z.string().optional().catch(undefined)
const modelSchema = z.looseObject({
  name: z.string().min(1),
  directory: textSchema,
  url: textSchema,
  hash: textSchema,
  hash_type: textSchema,
})

/** The model files that nodes of the prompt and the workflow as a whole name, each once. */
export function modelHints({ workflow, places, prompt }: HintSources): ModelHint[] {
  const ofNodes = places
    .filter(({ id }) => Object.hasOwn(prompt, id))
    .flatMap(({ node }) => listOf(node.ui.properties['models']))
  const hints = [...ofNodes, ...workflow.ui.models].flatMap((saved) => {
    const { data } = modelSchema.safeParse(saved)
    if (data === undefined) return []
    const { name, directory, url, hash, hash_type: hashType } = data
    const hint: ModelHint = {
      name,
      ...(directory !== undefined && { directory }),
      ...(url !== undefined && { url }),
      ...(hash !== undefined && { hash }),
      ...(hashType !== undefined && { hashType }),
    }
    return [hint]
  })
  const first = new Map<string, ModelHint>()
  for (const hint of hints) {
    const key = `${hint.directory ?? ''}/${hint.name}`
    if (!first.has(key)) first.set(key, hint)
  }
  return [...first.values()]
}
