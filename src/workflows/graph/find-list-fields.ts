import { withinTime } from '../../lib/within-time.ts'
import { inputChoices, inputOptions, type NodeLookup } from '../../comfyui/wire/object-info.ts'
import type { ListField } from '../served-workflow.ts'
import { sampleGraphs, type SampleGraphsOptions } from './sample-graphs.ts'

export interface FindListFieldsOptions extends SampleGraphsOptions {
  readonly nodes: NodeLookup
}

/** For all of it: loading does not wait for a module that never answers. What was found by then counts. */
const timeoutMs = 2000

/**
 * The parameters that take any text and whose text a graph gives, as it is, to an input that must be one of a list, such
 * as a model or a sampler. Inputs of classes that are not known now may turn out to have a list. Never rejects.
 */
export async function findListFields(options: FindListFieldsOptions): Promise<readonly ListField[]> {
  const found: FoundFields = new Map()
  await withinTime(search(options, found), timeoutMs)
  return [...found.values()].map(({ path, places }) => ({ path, places: [...places.values()] }))
}

type FoundFields = Map<string, { path: readonly string[]; places: Map<string, ListField['places'][number]> }>

async function search(options: FindListFieldsOptions, found: FoundFields): Promise<void> {
  for await (const { prompt, texts } of sampleGraphs(options)) {
    for (const { class_type: classType, inputs } of Object.values(prompt)) {
      for (const [input, value] of Object.entries(inputs)) {
        const path = typeof value === 'string' ? texts.get(value) : undefined
        if (path === undefined || !mayHaveList(classType, input, options.nodes)) continue
        const key = path.join('\0')
        const field = found.get(key) ?? { path, places: new Map() }
        field.places.set(`${classType}\0${input}`, { classType, input })
        found.set(key, field)
      }
    }
  }
}

function mayHaveList(classType: string, input: string, nodes: NodeLookup): boolean {
  const definition = nodes(classType)
  if (definition === undefined) return true
  const spec = definition.input.required?.[input] ?? definition.input.optional?.[input]
  if (spec === undefined || inputChoices(spec) === undefined) return false
  return !Object.entries(inputOptions(spec)).some(([option, value]) => option.endsWith('_upload') && value === true)
}
