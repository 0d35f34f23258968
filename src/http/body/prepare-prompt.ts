import type { IncomingHttpHeaders } from 'node:http'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { GatewayError, type FieldError } from '../../errors/gateway-error.ts'
import type { InputFile } from '../../inputs/input-file.ts'
import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import { mintFilenamePrefix } from '../../workflows/graph/filename-prefix.ts'
import { findEmbeddedMedia, rawPromptName, readRawPrompt, refuseFileName } from '../../workflows/graph/raw-prompt.ts'
import { readCallOptions } from './call-options.ts'
import { maxStringLength, refuseLongStrings } from './complexity.ts'
import { isRecord } from '../../lib/json-record.ts'
import { pointerTo } from '../../lib/json-pointer.ts'
import type { PreparedJob } from './prepare-job.ts'
import { requireJsonObject, type ReceivedBody } from './received-body.ts'
import { fetchUrls, type FetchControl, type UrlPlace } from './fetch-urls.ts'
import { fieldRefusal, refuseFields } from './refuse-fields.ts'
import { forRepeat, inputKind, type MediaStorage } from './store-media.ts'

export interface PreparePromptTools {
  readonly storage: MediaStorage
  /** What is known of node classes, those of custom nodes included. */
  readonly nodes: NodeLookup
  readonly fetching?: FetchControl
}

/**
 * Turns a body with a graph of the caller into what a job is made of: `{ prompt, …options }`, and beside them what
 * ComfyUI itself takes there, where that has a meaning here.
 * @throws GatewayError for every mistake of the caller; those in the graph with a pointer below `/prompt`
 */
export async function preparePrompt(
  body: ReceivedBody,
  headers: Readonly<IncomingHttpHeaders>,
  tools: PreparePromptTools,
): Promise<PreparedJob> {
  const { prompt: graph, extra_data: extraData, client_id: _unused, ...others } = readBody(body)
  const options = readCallOptions(withoutComfyuiFields(others), headers, 'prompt')
  const pngInfo = readPngInfo(extraData)
  const prompt = readRawPrompt(graph, { filenamePrefix: mintFilenamePrefix(), nodes: tools.nodes })
  const isRepeat = tools.fetching?.isRepeat(options.id) === true
  const storage = isRepeat ? forRepeat(tools.storage) : tools.storage
  const inputFiles = await storeEmbeddedMedia(prompt, { ...tools, storage })
  if (body.sizeBytes > maxStringLength) {
    refuseLongStrings(prompt)
    refuseLongStrings(pngInfo)
  }
  return {
    workflow: rawPromptName,
    input: {},
    prompt,
    inputFiles,
    outputNames: {},
    ...(pngInfo !== undefined && { pngInfo }),
    ...options,
    limits: {},
  }
}

function readBody(body: ReceivedBody): Record<string, unknown> {
  const advice =
    'Send the graph as application/json. Files go into it as https URLs, data URIs, base64 or {"asset": id}, in place of their name.'
  const fields = requireJsonObject(body, advice)
  if (Object.hasOwn(fields, 'prompt')) return fields
  const isBareGraph = Object.values(fields).some((node) => isRecord(node) && Object.hasOwn(node, 'class_type'))
  const message = isBareGraph
    ? 'is missing: put the graph into it, {"prompt": {"3": {"class_type": …}, …}}'
    : 'is missing: it holds the graph in the API format'
  throw fieldRefusal({ pointer: '/prompt', code: 'missing_parameter', message })
}

/** Fields that ComfyUI takes beside the graph and that mean something else here, or nothing: what to use instead. */
const comfyuiFields: Readonly<Record<string, string>> = {
  prompt_id: 'is not taken: jobs are named by `id`',
  number: 'is not taken: use `priority`, of which higher ones run first',
  front: 'is not taken: use `priority`',
  partial_execution_targets: 'is not taken: leave the nodes out of the graph that are not to run',
}

/** Fields that say nothing are left out, as ComfyUI's own clients send them. */
function withoutComfyuiFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const others = { ...fields }
  const errors: FieldError[] = []
  for (const [name, message] of Object.entries(comfyuiFields)) {
    if (!Object.hasOwn(others, name)) continue
    const value = others[name]
    if (value !== null && value !== false) errors.push({ pointer: pointerTo(name), code: 'unsupported_field', message })
    Reflect.deleteProperty(others, name)
  }
  refuseFields(errors)
  return others
}

/** What of `extra_data` says nothing that is needed here. */
const ignoredExtraData = new Set(['extra_pnginfo', 'client_id', 'create_time', 'preview_method', 'comfy_usage_source'])
const credentials = new Set(['api_key_comfy_org', 'auth_token_comfy_org'])

/** What is to be embedded in the files of the job. ComfyUI's list of jobs breaks when it is no object. */
function readPngInfo(extraData: unknown): Readonly<Record<string, unknown>> | undefined {
  if (extraData === undefined) return undefined
  if (!isRecord(extraData)) throw refuseExtraData(['extra_data'], 'must be an object')
  for (const [name, value] of Object.entries(extraData)) {
    if (credentials.has(name) && value !== null && value !== '')
      throw refuseExtraData(['extra_data', name], 'is not taken: keys of paid services are not passed on')
    if (!ignoredExtraData.has(name) && !credentials.has(name))
      throw refuseExtraData(['extra_data', name], 'is not known; `extra_pnginfo` is what is passed on')
  }
  const { extra_pnginfo: pngInfo } = extraData
  if (pngInfo === undefined) return undefined
  if (!isRecord(pngInfo)) throw refuseExtraData(['extra_data', 'extra_pnginfo'], 'must be an object')
  const { workflow } = pngInfo
  if (workflow !== undefined && !isRecord(workflow))
    throw refuseExtraData(['extra_data', 'extra_pnginfo', 'workflow'], 'must be an object')
  return pngInfo
}

function refuseExtraData(path: readonly string[], message: string): GatewayError {
  const pointer = pointerTo(...path)
  return new GatewayError('invalid_workflow', {
    detail: `${pointer} ${message}`,
    errors: [{ pointer, code: 'invalid_extra_data', message }],
  })
}

/** Stores the files that stand in the graph and puts their names in their place. */
async function storeEmbeddedMedia(
  prompt: Prompt,
  { storage, nodes, fetching }: PreparePromptTools,
): Promise<InputFile[]> {
  const files = new Map<string, InputFile>()
  const places: UrlPlace[] = []
  for (const media of findEmbeddedMedia(prompt, nodes)) {
    const { id, input, value, assetId, pointer, kind } = media
    const replace = (name: string) => {
      const inputs = prompt[id]?.inputs
      if (inputs !== undefined) inputs[input] = name
    }
    const url = assetId === undefined ? storage.urls.read(value, pointer) : undefined
    if (url !== undefined) {
      places.push({ url, pointer, kind: inputKind(kind), replace })
      continue
    }
    const stored =
      assetId === undefined
        ? await storage.inputs.put(decode(media, storage), pointer, inputKind(kind))
        : await storage.useAsset(assetId, pointer, inputKind(kind))
    files.set(stored.name, stored)
    replace(stored.name)
  }
  for (const file of await fetchUrls(places, storage, { signal: fetching?.signal })) files.set(file.name, file)
  return [...files.values()]
}

function decode(media: ReturnType<typeof findEmbeddedMedia>[number], { decodeMedia }: MediaStorage): Buffer {
  try {
    return decodeMedia(media.value, media.pointer)
  } catch (error) {
    const isName = error instanceof GatewayError && error.errors.some(({ code }) => code === 'not_base64')
    if (!isName || media.value.startsWith('data:')) throw error
    throw refuseFileName(
      media,
      'names a file of the ComfyUI host; send the file itself, as an https URL, a data URI or base64, or {"asset": id}',
    )
  }
}
