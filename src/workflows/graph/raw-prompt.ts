import { isMissingClass } from '../../comfyui/wire/answers.ts'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { GatewayError, type FieldError } from '../../errors/gateway-error.ts'
import { checkGraph } from './check-graph.ts'
import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import { completePrompt, GraphError } from './complete-prompt.ts'
import { findFileInputs, isMediaInput, mediaOfInput, type FileInput } from './find-file-inputs.ts'
import { assetIdIn } from '../parameters/asset-reference.ts'
import type { MediaKind } from '../parameters/media.ts'
import { pointerTo } from '../../lib/json-pointer.ts'

/** What stands for the name of a workflow in jobs made of a graph of the caller; no module can have it. */
export const rawPromptName = 'prompt'

/**
 * Makes a prompt of a graph that a caller sent in the API format: complete, free of what would crash ComfyUI, every
 * `filename_prefix` ours. Its files are not looked at. Any value at all may be given.
 * @throws GatewayError `invalid_workflow`, every error with a pointer below `/prompt`
 */
export function readRawPrompt(graph: unknown, options: { filenamePrefix: string; nodes: NodeLookup }): Prompt {
  try {
    const prompt = completePrompt(graph, options.filenamePrefix, 'refuse')
    checkGraph(prompt, options.nodes)
    return prompt
  } catch (error) {
    if (error instanceof GraphError) throw refusal(error)
    if (!(error instanceof GatewayError)) throw error
    throw new GatewayError(error.code, { detail: error.detail, errors: pointIntoPrompt(error.errors) })
  }
}

function refusal({ message, flaw: { code, path, classType } }: GraphError): GatewayError {
  const [id, , input] = path
  const node = id === undefined ? undefined : { id, classType: classType ?? '', ...(input !== undefined && { input }) }
  const pointer = pointerTo(rawPromptName, ...path)
  return new GatewayError('invalid_workflow', {
    detail: message,
    errors: [{ pointer, code, message, ...(node !== undefined && { node }) }],
  })
}

/** JSON pointer to a node, or to one of its inputs, in a body with the graph as `prompt`. */
function pointerInPrompt(id: string, input?: string): string {
  return pointerTo(rawPromptName, id, ...(input === undefined ? [] : ['inputs', input]))
}

/** Adds to each error where in the body its node and input stand; errors about no node are about the whole graph. */
export function pointIntoPrompt(errors: readonly FieldError[]): readonly FieldError[] {
  return errors.map((error) => {
    if (error.pointer !== undefined) return error
    const { node, code } = error
    if (node === undefined) return { pointer: pointerTo(rawPromptName), ...error }
    const pointer = pointerInPrompt(node.id, node.input)
    return { pointer: isMissingClass(code) && node.input === undefined ? `${pointer}/class_type` : pointer, ...error }
  })
}

/** A text that is to be the content of a file, and not its name, or the id of an asset. */
export interface EmbeddedMedia extends FileInput {
  readonly assetId: string | undefined
  readonly pointer: string
  readonly kind: MediaKind
}

/**
 * Every text in place of a file that may hold the file itself, and every `{"asset": id}` there. Texts that can only be a name are the caller's choice of
 * a file, and refused.
 * @throws GatewayError `unsafe_prompt`
 */
export function findEmbeddedMedia(prompt: Prompt, nodes: NodeLookup): readonly EmbeddedMedia[] {
  return findFileInputs(prompt, nodes).map((file) => {
    const pointer = pointerInPrompt(file.id, file.input)
    const given = prompt[file.id]?.inputs[file.input]
    const assetId = assetIdIn(given)
    if ((given === file.value || assetId !== undefined) && isMediaInput(file.classType, file.input, nodes)) {
      return { ...file, assetId, pointer, kind: mediaOfInput(file, nodes) ?? 'image' }
    }
    throw refuseFileName(file, 'names a file or folder of the ComfyUI host, which no caller may choose')
  })
}

/** The error for a text that names a file, or ends up as the name of one. */
export function refuseFileName({ id, classType, input }: FileInput, what: string): GatewayError {
  const message = `node ${id} (${classType}), input ${input} ${what}`
  const pointer = pointerInPrompt(id, input)
  return new GatewayError('unsafe_prompt', {
    detail: message,
    errors: [{ pointer, code: 'unsafe_prompt', message, node: { id, classType, input } }],
  })
}
