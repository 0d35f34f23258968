import { GatewayError } from '../errors/gateway-error.ts'
import { askOnce, type AskedInstance, type AskOnceOptions } from './ask-once.ts'
import type { ComfyuiClient } from './comfyui-client.ts'
import { ComfyuiError } from './comfyui-error.ts'
import { parseNodeCatalogue, type NodeCatalogue } from './wire/node-catalogue.ts'
import { ObjectInfoError } from './wire/object-info-error.ts'

/** `/object_info` has taken servers with many packs of custom nodes half a minute. */
const objectInfoTimeoutMs = 60_000

export interface FetchedNodes {
  /** What ComfyUI sent, word for word: one JSON document. */
  readonly text: string
  readonly catalogue: NodeCatalogue
}

/**
 * Asks a ComfyUI for its node classes, once.
 * @throws GatewayError with what a person can do about it, when there is no ComfyUI that answers
 */
export async function fetchNodeCatalogue(
  instance: AskedInstance,
  { connectTimeoutMs, timeoutMs = objectInfoTimeoutMs }: Partial<AskOnceOptions> & { connectTimeoutMs: number },
): Promise<FetchedNodes> {
  return askOnce(instance, { connectTimeoutMs, timeoutMs }, async (client) => {
    const text = await client.objectInfoText()
    const version = await versionOf(client)
    const source = `ComfyUI${version === undefined ? '' : ` ${version}`} at ${instance.url}`
    try {
      const catalogue = parseNodeCatalogue(text, {
        source,
        ...(version !== undefined && { comfyuiVersion: version }),
      })
      return { text, catalogue }
    } catch (cause) {
      if (!(cause instanceof ObjectInfoError)) throw cause
      const detail = `${instance.url} is no ComfyUI, or something stands before it: GET /object_info is ${cause.found}.`
      throw new GatewayError('upstream_error', { detail, cause })
    }
  })
}

async function versionOf(client: ComfyuiClient): Promise<string | undefined> {
  try {
    return (await client.probe()).system.comfyui_version ?? undefined
  } catch (error) {
    // The definitions tell as much as is needed.
    if (error instanceof ComfyuiError && error.reason === 'bad_answer') return undefined
    throw error
  }
}
