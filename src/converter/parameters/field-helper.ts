import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import { modelFolder } from '../../comfyui/wire/model-folders.ts'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import type { Media, Parameter } from './parameter-plan.ts'

/** What `comfyui-api` exports for fields of a RequestSchema. */
export type FieldHelper =
  | { readonly name: Media | 'sampler' | 'scheduler' }
  | { readonly name: 'model'; readonly folder: string }
  | { readonly name: 'seed'; readonly limits: { readonly min?: number; readonly max?: number } }

/** The helper that says of a parameter of a prompt exactly what it is; undefined where none does. */
export function helperFor(parameter: Parameter, prompt: Prompt): FieldHelper | undefined {
  const { type, targets, default: start } = parameter
  if (start.kind === 'random') {
    const { from, limit } = start
    const isLimited = limit < Number.MAX_SAFE_INTEGER
    return { name: 'seed', limits: { ...(from !== undefined && { min: from }), ...(isLimited && { max: limit - 1 }) } }
  }
  switch (type.kind) {
    case 'media':
      return { name: type.media }
    case 'name': {
      const helpers = targets.map(({ node, input }) => nameHelper(prompt[node]?.class_type ?? '', input))
      const [first] = helpers
      return first !== undefined && helpers.every((each) => isSame(each, first)) ? first : undefined
    }
    default:
      return undefined
  }
}

const samplerHelpers = new Map([
  ['sampler_name', 'sampler'],
  ['scheduler', 'scheduler'],
] as const)

function nameHelper(classType: string, input: string): FieldHelper | undefined {
  const folder = modelFolder(classType, input)
  if (folder !== undefined) return { name: 'model', folder }
  // Other packs have lists of their own under these names.
  if (coreNode(classType) === undefined) return undefined
  for (const [known, name] of samplerHelpers) if (known === input) return { name }
  return undefined
}

function isSame(a: FieldHelper | undefined, b: FieldHelper): boolean {
  if (a?.name === 'model' && b.name === 'model') return a.folder === b.folder
  return a?.name === b.name
}
