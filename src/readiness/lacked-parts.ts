import type { NodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import type { NodePackLookup } from '../comfyui/wire/node-packs.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { type MissingPart, missingParts } from '../instances/missing-parts.ts'
import type { RequiredModel, RequiredNode, WorkflowMetadata } from '../workflows/workflow-definition.ts'
import { sampleUpload } from './default-prompt.ts'
import { mayTakeName } from './left-to-classes.ts'

/** Something that a workflow needs and an instance does not have, and where it can be had, as far as that is known. */
export interface LackedPart extends MissingPart {
  /** Of a class. */
  readonly pack?: RequiredNode
  /** Of a model file. */
  readonly model?: RequiredModel
}

/** What a catalogue lacks of a prompt, with what the module says of these parts. */
export function lackedParts(
  catalogue: NodeCatalogue,
  prompt: Prompt,
  { metadata, packOf }: { readonly metadata: WorkflowMetadata | undefined; readonly packOf: NodePackLookup },
): readonly LackedPart[] {
  const missing = missingParts(catalogue, prompt).filter(
    ({ classType, input, value }) =>
      value !== sampleUpload && (input === undefined || !mayTakeName(catalogue, classType, input)),
  )
  return missing.map((part) => withSource(part, metadata, packOf))
}

/** Adds what the module says of a part, or else what is known of the class. */
export function withSource(
  part: MissingPart,
  { requiredNodes, requiredModels }: WorkflowMetadata = {},
  packOf: NodePackLookup = () => undefined,
): LackedPart {
  if (part.input === undefined) {
    const told = requiredNodes?.find(({ classTypes }) => classTypes?.includes(part.classType))
    const pack = told ?? packOf(part.classType)
    return pack === undefined ? part : { ...part, pack }
  }
  const model = requiredModels?.find(({ name }) => name === part.value || name === fileOf(part.value))
  return model === undefined ? part : { ...part, model }
}

/** One sentence for a person: what is missing, and where to get it. */
export function describeLackedPart({ classType, input, value, pack, model }: LackedPart): string {
  if (input === undefined) {
    if (pack === undefined) return `There is no node class ${classType}.`
    return `There is no node class ${classType}; it is in the pack ${pack.pack}${placeOf(pack.url)}.`
  }
  const what = `${classType} has no ${JSON.stringify(value)} for ${input}`
  if (model === undefined) return `${what}.`
  const folder = model.directory === undefined ? '' : `; it belongs into models/${model.directory}`
  return `${what}${folder}${placeOf(model.url)}.`
}

/** The first of them in sentences for a person, and how many more there are. */
export function describeLackedParts(parts: readonly LackedPart[]): string {
  const sentences = [...new Set(parts.map(describeLackedPart))]
  const more = sentences.length - maxTold
  return [...sentences.slice(0, maxTold), ...(more > 0 ? [`And ${more} more.`] : [])].join(' ')
}

/** More than that nobody reads in a line. */
const maxTold = 2

function placeOf(url: string | undefined): string {
  return url === undefined ? '' : `, from ${url}`
}

/** Instances list files below sub-folders as they find them. */
function fileOf(name: string | undefined): string | undefined {
  return name?.split(/[/\\]/).at(-1)
}
