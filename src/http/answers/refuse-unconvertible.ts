import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { JobRequest } from '../../jobs/jobs.ts'
import type { ImageConverter } from '../../outputs/image-converter.ts'
import type { AnswerForm } from '../negotiation/accept.ts'
import { formatOfRange } from './choose-form.ts'

/** Classes that save images, always of the same type. */
const savedTypes: ReadonlyMap<string, string> = new Map([
  ['SaveImage', 'image/png'],
  ['PreviewImage', 'image/png'],
  ['MaskPreview', 'image/png'],
  ['SaveAnimatedPNG', 'image/png'],
  ['SaveAnimatedWEBP', 'image/webp'],
])

/**
 * Refuses a request that only a conversion could answer, where nothing can be converted, before its job costs anything.
 * Where it cannot be known what the job will save, nothing is refused.
 * @throws GatewayError `not_acceptable`
 */
export async function refuseUnconvertible(
  forms: readonly AnswerForm[],
  { prompt, convertOutput }: Pick<JobRequest, 'prompt' | 'convertOutput'>,
  tools: { readonly nodes: NodeLookup; readonly images: Pick<ImageConverter, 'requireAvailable'> },
): Promise<void> {
  if (convertOutput !== undefined) return
  const wanted = forms.map((form) => (form.kind === 'output' ? formatOfRange(form.range) : undefined))
  if (wanted.includes(undefined)) return
  const saved = typesSavedBy(prompt, tools.nodes)
  if (saved === undefined || wanted.some((format) => saved.has(`image/${String(format)}`))) return
  try {
    await tools.images.requireAvailable()
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const made = saved.size === 0 ? 'no images' : [...saved].join(', ')
    throw new GatewayError('not_acceptable', { detail: `The workflow makes ${made}. ${error.detail}`, cause: error })
  }
}

/** `undefined` where a node may save anything. */
function typesSavedBy(prompt: Prompt, nodes: NodeLookup): ReadonlySet<string> | undefined {
  const types = new Set<string>()
  for (const { class_type: classType } of Object.values(prompt)) {
    const type = savedTypes.get(classType)
    if (type !== undefined) types.add(type)
    else if (maySave(nodes(classType))) return undefined
  }
  return types
}

function maySave(definition: ReturnType<NodeLookup>): boolean {
  if (definition === undefined || definition.unreadable === true) return true
  return definition.output_node === true || definition['has_intermediate_output'] === true
}
